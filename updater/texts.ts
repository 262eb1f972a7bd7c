/** Texts that both sides show. */
import type { JobKind, OpenJob, Replacement } from "./protocol.ts";

/** Whether a job touches nothing but backups. */
export function isAboutBackups(kind: JobKind): boolean {
  return kind === "backup" || kind === "check-backups";
}

/** Why something else is refused while a job is open: who holds the instance, since when, and where it is. */
export function underWay({
  sequence,
  kind,
  release,
  requestedBy,
  openedAt,
  step,
}: OpenJob): string {
  const what = release === undefined ? kind : `${kind} to ${release.name}`;
  return (
    `Another job is under way: number ${sequence} (${what}) of ${requestedBy}, since ${openedAt}, at step ` +
    `${step}. Wait for its end, then try again.`
  );
}

/** Why nothing is done until a person has looked. */
export function needsOperatorText(marker: string): string {
  return (
    `An earlier job could neither finish nor go back and left things as they are: ${marker.trim()} ` +
    "See the ways out: npx chatalot resolve"
  );
}

/** Why a backup is not removed. */
export function lastProvenText(name: string): string {
  return (
    `The backup ${name} was not removed: it is the only one that is known to restore. Take another one ` +
    "first: npx chatalot backup take"
  );
}

/** Why a commit is refused that was tried and did not become healthy. */
export function repeatedRevert(
  name: string,
  reverted: { sequence: number; at: string; cause: string },
): string {
  return (
    `${name} was tried on ${reverted.at} (job ${reverted.sequence}) and did not become healthy: ` +
    `${reverted.cause.split("\n")[0]}. Choose another release, or try this one once more: ` +
    `pulumi config set retry ${reverted.sequence}`
  );
}

/** A migration as people name it: `049 reactions`. */
export function migrationName({
  version,
  description,
}: {
  version: number;
  description: string;
}): string {
  return `${String(version).padStart(3, "0")} ${description}`;
}

/** What takes the live database's place. Without a name it is still to be chosen. */
export function replacementName({
  way,
  name,
  at,
}: Pick<Replacement, "way"> & { name?: string; at?: string }): string {
  if (way === "undo-scripts") return "a copy with the undo scripts applied";
  if (name === undefined) return `the newest ${way} that fits`;
  return `the ${way} ${name}${at === undefined ? "" : `, of ${at}`}`;
}

/** A release as people name it: `v0.22.6 (2d55427)`. One that was pinned has its commit in its name. */
export function releaseText({ name, commit }: { name: string; commit: string }): string {
  const [tag = name] = name.split("@");
  const short = commit.slice(0, 7);
  return commit.startsWith(tag) ? short : `${tag} (${short})`;
}

/** `sha256:1234…` as people read it. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}
