/** The forms of the answers that tell of a chat that something else deployed. */
import * as z from "zod";
import type {
  AdoptAnswer,
  ForgetAnswer,
  FoundChat,
  LookAnswer,
} from "../../updater/adopt/protocol.ts";
import { line, type Members, refused, texts, word } from "./answers.ts";
import { commit, published } from "./record-schemas.ts";

const lines = z.array(line);

const chat = z.object({
  directory: line,
  commit: commit.optional(),
  listen: published.optional(),
  databaseVolume: line.optional(),
  filesVolume: line.optional(),
  // Never shown; what becomes a setting of them is read as every setting is.
  variables: z.record(z.string().max(200), z.string().max(100_000)),
  effective: z.array(z.string().max(200)),
  services: lines,
} satisfies Members<FoundChat>);

/** What `look-for-chat` answers. */
export const lookSchema: z.ZodType<LookAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("found"), chat }),
  refused,
]);

/** What `adopt` answers. */
export const adoptSchema: z.ZodType<AdoptAnswer> = z.discriminatedUnion("answer", [
  z.object({
    answer: z.literal("adopted"),
    instanceId: word,
    differences: texts,
    renamed: lines,
  }),
  z.object({ answer: z.literal("wanted") }),
  refused,
]);

/** What `forget` answers. */
export const forgetSchema: z.ZodType<ForgetAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("forgotten"), kept: line, restored: lines }),
  refused,
]);
