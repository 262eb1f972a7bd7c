/** What `npx chatalot resolve` shows: what happened, what the server has, and the commands of each way out. */
import { describeBytes } from "../common/size.ts";
import type { Predicament } from "../updater/protocol.ts";
import { migrationName } from "../updater/texts.ts";

/** Whether trying the way back again can lead anywhere. */
export function canTakeBack({ noWayBack, database }: Predicament): boolean {
  if (noWayBack !== undefined) return false;
  // Without the copy the old release would find migrations that it doesn't know, and exit.
  return (
    database === undefined ||
    database.unknownBefore.length === 0 ||
    database.revertPoint !== undefined
  );
}

/** Line by line. */
export function predicamentText(predicament: Predicament, target: string): string[] {
  return [
    `NEEDS YOU on ${target}, ${predicament.directory}`,
    ...happened(predicament),
    "",
    "What the server has",
    ...indented([...containers(predicament), ...database(predicament), ...backups(predicament)]),
    "",
    "Ways out",
    ...indented(waysOut(predicament)),
  ];
}

function happened({ marker, job }: Predicament): string[] {
  if (job === undefined) return indented([marker]);
  const { sequence, release, previous, requestedBy, openedAt, cause, step } = job;
  return indented([
    `Job ${sequence}, ${named(previous)} -> ${named(release)}, by ${requestedBy}, ${openedAt}`,
    ...cause.split("\n").map((line, index) => (index === 0 ? `Cause: ${line}` : line)),
    `It ended at step ${step}. Its whole story: ${job.progressFile}`,
  ]);
}

function containers({ containers: found }: Predicament): string[] {
  if (found.length === 0) return ["no container, or Docker does not answer"];
  return found.map(
    ({ name, state, commit }) =>
      `container ${name}: ${state}${commit === undefined ? "" : `, commit ${commit.slice(0, 7)}`}`,
  );
}

function database({ database: found, job }: Predicament): string[] {
  if (found === undefined) return ["the database does not answer"];
  const { name, applied, unknownBefore, revertPoint, failed, failedIsThere } = found;
  const newest = applied.at(-1);
  return [
    `database ${name}: ${applied.length} migrations${
      newest === undefined ? "" : `, the newest ${migrationName(newest)}`
    }`,
    ...(unknownBefore.length === 0
      ? []
      : [
          `  ${named(job?.previous)} can't start on it: ${unknownBefore.map(migrationName).join(", ")}`,
        ]),
    ...(revertPoint === undefined
      ? []
      : [`database ${revertPoint}: the revert point, of when the old server had stopped`]),
    ...(failedIsThere ? [`database ${failed}: what the failed release left`] : []),
  ];
}

function backups({ backups: found }: Predicament): string[] {
  if (found.length === 0) return ["no backup"];
  return found.map(
    ({ dumpFile, takenAt, release, size, provenAt }) =>
      `backup of ${release}, ${takenAt}, ${describeBytes(size)}, ${
        provenAt === undefined ? "not proven" : `proven ${provenAt}`
      }: ${dumpFile}`,
  );
}

function waysOut(predicament: Predicament): string[] {
  const { job } = predicament;
  const clear = "npx chatalot resolve --clear";
  if (job === undefined) return ["When it is mended:", ...indented([clear, "pulumi up"])];
  const isChanged = (predicament.database?.unknownBefore.length ?? 0) > 0;
  return [
    ...(canTakeBack(predicament)
      ? [
          "Back, when the cause is mended: the way back is tried once more",
          ...indented(wayBack(predicament)),
        ]
      : [`Back is not possible by itself: ${predicament.noWayBack ?? "the revert point is gone"}`]),
    isChanged
      ? "Forward: a release that has these migrations and works; nothing is lost"
      : "Forward: another release; nothing is lost",
    ...indented([clear, "pulumi config set release <release>", "pulumi up"]),
    "The same again, when the cause lay outside of the release; nothing is lost",
    ...indented([clear, `pulumi config set retry ${job.sequence}`, "pulumi up"]),
    ...(isChanged && !canTakeBack(predicament)
      ? [
          'Back by a backup; what was written since is lost: docs/recovery.md, "Restore the database"',
        ]
      : []),
  ];
}

function wayBack({ job, database: found, containers: all }: Predicament): string[] {
  const ask = [
    "npx chatalot resolve --take-back",
    `pulumi config set release ${job?.previous?.name ?? ""}`,
    "pulumi up",
  ];
  if (found?.revertPoint === undefined || found.failedIsThere || found.unknownBefore.length === 0)
    return ask;
  const { name, revertPoint, failed } = found;
  const container = all.find((entry) => /-(db|postgres)(-\d+)?$/.test(entry.name))?.name;
  return [
    ...ask,
    "Where it fails again at R2, rename by hand, on the server as root, and then take back as above:",
    ...indented([
      `docker stop chatalot-server; docker exec ${container ?? "chatalot-db"} psql -U chatalot -d postgres -c \\`,
      `  'ALTER DATABASE ${name} RENAME TO ${failed}; ALTER DATABASE ${revertPoint} RENAME TO ${name}'`,
    ]),
  ];
}

function named(release: { name: string; commit: string } | undefined): string {
  return release === undefined ? "nothing" : `${release.name} (${release.commit.slice(0, 7)})`;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
