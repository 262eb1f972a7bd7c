/** The forms of the answers of which updater/adopt/protocol.ts tells what they mean. */
import { z } from "zod";
import type { AdoptAnswer, ForgetAnswer, LookAnswer } from "../../updater/adopt/protocol.ts";
import { line, texts, word } from "./answers.ts";
import { commit, published } from "./record-schemas.ts";

const refused = z.object({ answer: z.literal("refused"), reasons: texts });

/** A name in the directory, which is shown. */
const fileName = word.refine((name) => !name.includes("/"), "expected a file's name");

/** What stands in a `.env`; each value is checked as the setting that it becomes. */
const variables = z.record(z.string().max(200), z.string().max(100_000));

/** What `look-for-chat` answers. */
export const lookSchema: z.ZodType<LookAnswer> = z.discriminatedUnion("answer", [
  z.object({
    answer: z.literal("found"),
    chat: z.object({
      directory: line,
      commit: commit.optional(),
      listen: published.optional(),
      variables,
      effective: z.array(z.string().max(200)),
      services: z.array(word),
    }),
  }),
  refused,
]);

/** What `adopt` answers. */
export const adoptSchema: z.ZodType<AdoptAnswer> = z.discriminatedUnion("answer", [
  z.object({
    answer: z.literal("adopted"),
    instanceId: word,
    differences: z.array(line),
    renamed: z.array(fileName),
  }),
  z.object({ answer: z.literal("wanted") }),
  refused,
]);

/** What `forget` answers. */
export const forgetSchema: z.ZodType<ForgetAnswer> = z.discriminatedUnion("answer", [
  z.object({ answer: z.literal("forgotten"), kept: word, restored: z.array(fileName) }),
  refused,
]);
