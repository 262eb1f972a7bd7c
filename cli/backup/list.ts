/** `npx chatalot backup list`: the backups that the server has. */
import { UserError } from "../../common/errors.ts";
import { describeBytes } from "../../common/size.ts";
import { backupsOf } from "../../provider/server/server-backups.ts";
import type { RemoteServer } from "../../provider/server/remote-server.ts";
import type { BackupList } from "../../updater/backup-protocol.ts";
import type { Backup } from "../../updater/backups.ts";
import { type BackupKind, backupNameSchema } from "../../updater/protocol.ts";
import { releaseText } from "../../updater/texts.ts";
import { serverOfStack } from "../stack.ts";
import { table } from "../table.ts";

/** One backup, as `backup list --json` has it. Members are added in later versions, never renamed. */
export interface BackupEntry {
  name: string;
  takenAt: string;
  /**
   * `update`: before one, whose retention removes it. `scheduled`: by the
   * clock. `manual`: by hand; it stays until it is removed.
   */
  kind: BackupKind;
  /** The release that served. */
  release: { name: string; commit: string };
  /** Bytes of the dump. */
  size: number;
  sha256: string;
  /** Bytes of the database that was dumped, on its disk. */
  databaseSize: number;
  postgresVersion: string;
  /** Uploads, configuration and keys, and their bytes; absent: it has the database alone. */
  files?: { count: number; size: number };
  /** When it was last restored to prove it; absent where it was not. */
  provenAt?: string;
  /** What a check found wrong with its dump. */
  damage?: { foundAt: string; what: string };
}

/** What was read of a server. */
export interface StackBackups {
  server: RemoteServer;
  /** Oldest first. */
  backups: Backup[];
  openJob?: BackupList["openJob"];
}

export async function readStackBackups(
  stack: string | undefined,
  tell: (text: string) => void,
): Promise<StackBackups> {
  const server = await serverOfStack(stack);
  const { backups, openJob } = await backupsOf(server, tell);
  return { server, backups, ...(openJob === undefined ? {} : { openJob }) };
}

/** Newest first. */
export function backupEntries(backups: readonly Backup[]): BackupEntry[] {
  return backups.toReversed().map(({ name, manifest }) => {
    const {
      takenAt,
      kind = "update",
      release,
      databaseSize,
      dump,
      files,
      proof,
      damage,
    } = manifest;
    const { size, sha256, postgresVersion } = dump;
    return {
      ...{ name, takenAt, kind, release, size, sha256, databaseSize, postgresVersion },
      ...(files === undefined ? {} : { files: { count: files.count, size: files.size } }),
      ...(proof === undefined ? {} : { provenAt: proof.restoredAt }),
      ...(damage === undefined ? {} : { damage }),
    };
  });
}

/** For people. */
export function describeBackups({ server, backups, openJob }: StackBackups): string {
  const headings = ["NAME", "TAKEN", "KIND", "RELEASE", "SIZE", "FILES", "PROVEN"];
  const rows = backupEntries(backups).map(rowOf);
  return [
    `${server.target}, ${server.place.directory}; times in UTC`,
    ...(openJob === undefined
      ? []
      : [`Job ${openJob.sequence} (${openJob.kind}) is under way, at step ${openJob.step}.`]),
    "",
    ...(rows.length === 0
      ? ["There is no backup yet. Take one: npx chatalot backup take"]
      : table([headings, ...rows])),
  ].join("\n");
}

const KINDS: Record<BackupKind, string> = {
  update: "before an update",
  manual: "by hand",
  scheduled: "by the clock",
};

function rowOf(entry: BackupEntry): string[] {
  const { name, takenAt, kind, release, size, files, provenAt, damage } = entry;
  const proof = provenAt === undefined ? "no" : minute(provenAt);
  return [
    ...[name, minute(takenAt), KINDS[kind], releaseText(release), describeBytes(size)],
    files === undefined ? "none" : `${files.count} of ${describeBytes(files.size)}`,
    damage === undefined ? proof : `DAMAGED, found ${minute(damage.foundAt)}: ${damage.what}`,
  ];
}

/** `2026-03-01 20:15` */
function minute(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}

/**
 * The backup of a name.
 *
 * @throws UserError where there is none, or the name is one that no backup can have
 */
export function namedBackup({ server, backups }: StackBackups, name: string): Backup {
  const found = backups.find((backup) => backup.name === name);
  if (found !== undefined) return found;
  throw new UserError(
    `There is no backup ${JSON.stringify(name)} on ${server.target}. See which there are: npx chatalot ` +
      "backup list",
  );
}

/** Refuses what can't be a backup's name, before the server is asked. */
export function checkName(name: string): void {
  if (backupNameSchema.safeParse(name).success) return;
  throw new UserError(
    `${JSON.stringify(name)} is not the name of a backup, such as 000012-20260301T201500Z. See which there ` +
      "are: npx chatalot backup list",
  );
}
