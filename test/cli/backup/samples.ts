/** Backups as a server lists them. */
import { createHash } from "node:crypto";
import type { Backup, BackupManifest } from "../../../updater/backups.ts";

export const NAME = "000012-20260301T201500Z";
export const DUMP = "what was said in the chat";

export function backup(name = NAME, values: Partial<BackupManifest> = {}): Backup {
  return {
    name,
    manifest: {
      format: 1,
      sequence: Number(name.slice(0, 6)),
      instanceId: "instance",
      takenAt: "2026-03-01T20:15:00.000Z",
      release: { name: "v1.0.0", commit: "a".repeat(40) },
      databaseSize: 9_000_000,
      dump: {
        sha256: createHash("sha256").update(DUMP).digest("hex"),
        size: DUMP.length,
        content: { applied: [], rows: {} },
        postgresVersion: "17.5",
      },
      proof: { restoredAt: "2026-03-01T20:16:00.000Z" },
      ...values,
    },
  };
}
