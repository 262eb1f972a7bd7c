/** The form of what `resolve` answers, of which updater/protocol/resolve.ts tells what it means. */
import * as z from "zod";
import type { Predicament, ResolveAnswer } from "../../updater/protocol.ts";
import { type Members, line, refused, text, time, whole, word } from "./answers.ts";
import { applied, databaseName, release } from "./record-schemas.ts";

const predicament: z.ZodType<Predicament> = z.object({
  marker: text,
  directory: word,
  job: z
    .object({
      sequence: whole,
      requestedBy: line,
      openedAt: time,
      cause: text,
      step: line,
      release: release.optional(),
      previous: release.optional(),
      progressFile: word,
    })
    .optional(),
  containers: z.array(z.object({ name: word, state: line, commit: line.optional() })),
  database: z
    .object({
      name: databaseName,
      applied: z.array(applied),
      unknownBefore: z.array(applied),
      revertPoint: databaseName.optional(),
      failed: databaseName,
      failedIsThere: z.boolean(),
    })
    .optional(),
  backups: z.array(
    z.object({
      dumpFile: word,
      takenAt: time,
      release: line,
      size: whole,
      provenAt: time.optional(),
    }),
  ),
  noWayBack: text.optional(),
} satisfies Members<Predicament>);

/** What `resolve` answers. */
export const resolveSchema: z.ZodType<ResolveAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("nothing") }),
  z.object({ answer: z.literal("shown"), predicament }),
  z.object({ answer: z.literal("cleared") }),
  z.object({ answer: z.literal("reopened"), sequence: whole, offset: whole }),
  refused,
]);
