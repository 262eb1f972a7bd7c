/** What is read of a manifest that somebody else may have written: one that was carried to a server. */
import * as z from "zod";
import { listDigestSchema } from "./backup-files/file-list.ts";

const time = z.iso.datetime();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const applied = z.object({
  version: z.number().int(),
  description: z.string().max(1_000),
  checksum: z.string().regex(/^[0-9a-f]*$/),
});

/** Members that are not known here are left out. */
export const backupManifestSchema = z.object({
  format: z.literal(1),
  sequence: z.number().int().positive().max(1_000_000_000),
  kind: z.enum(["update", "manual", "scheduled"]).optional(),
  instanceId: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/),
  takenAt: time,
  release: z.object({
    name: z.string().min(1).max(300),
    commit: z.string().regex(/^[0-9a-f]{40}$/),
  }),
  databaseSize: z.number().int().nonnegative(),
  dump: z.object({
    sha256,
    size: z.number().int().positive(),
    content: z.object({
      applied: z.array(applied).max(100_000),
      rows: z.record(z.string().max(300), z.number().int().nonnegative()),
    }),
    postgresVersion: z.string().regex(/^[0-9A-Za-z.]{1,30}$/),
  }),
  files: listDigestSchema.optional(),
  proof: z.object({ restoredAt: time, job: z.number().int().positive().optional() }).optional(),
  damage: z.object({ foundAt: time, what: z.string().max(2_000) }).optional(),
});
