/**
 * How the words of a server are taken: what answers there may be somebody who took it over. An answer has
 * the form that it must have, or it is refused as a whole; what is shown of it can't steer a terminal, forge a
 * line, or be a part of a command that people copy.
 */
import * as z from "zod";
import { messageOf, UserError } from "../../common/errors.ts";
import { plainText, withoutControls } from "../../common/text.ts";
import { PROTOCOL } from "../../updater/protocol.ts";

/** The longest texts that are shown; of longer ones the rest is left out. */
const LONGEST_TEXT = 20_000;
const LONGEST_LINE = 2_000;

/** Text with lines, for people. */
export const text = z.string().transform((value) => cut(plainText(value), LONGEST_TEXT));

/** Text on one line, for people. */
export const line = z.string().transform((value) => cut(withoutControls(value), LONGEST_LINE));

/** Texts with lines. */
export const texts = z.array(text);

/** A word that stands in commands and names of files: letters, digits and `. _ : / @ + -`. */
export const word = z
  .string()
  .max(300)
  .regex(/^(?!-)[A-Za-z0-9._:/@+-]*$/, "expected a word");

/** A time as the updater writes it. */
export const time = z
  .string()
  .max(40)
  .regex(/^[0-9A-Za-z:.+-]*$/, "expected a time")
  .refine((value) => !Number.isNaN(Date.parse(value)), "expected a time");

/** A whole number that isn't negative. */
export const whole = z.number().int().nonnegative();

/** One schema for each member of an answer: one that is new there is no type without one here. */
export type Members<Answer> = Record<keyof Required<Answer>, z.ZodType>;

/** Which answer is read, for an error's text. */
export interface AnswerContext {
  /** As in "The <what> of the server can't be read". */
  what: string;
  target: string;
}

/**
 * The answer in a server's output.
 *
 * @throws UserError where it is none of this form, or one of another version
 */
export function readAnswer<T>(schema: z.ZodType<T>, output: string, context: AnswerContext): T {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch (error) {
    // What JSON.parse cites of the text is cleaned as everything else.
    throw unreadable(context, `it is no JSON (${withoutControls(messageOf(error))})`, error);
  }
  const { protocol = PROTOCOL } = (value ?? {}) as { protocol?: unknown };
  if (protocol !== PROTOCOL)
    throw new UserError(
      `The ${context.what} of ${context.target} can't be read: the updater there speaks protocol ` +
        `${typeof protocol === "number" ? protocol : "?"}, this one ${PROTOCOL}. Use the version of ` +
        "chatalot-deploy that changed the server last.",
    );
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = cut(withoutControls((issue?.path ?? []).map(String).join(".")), 100);
  const said = issue?.message ?? "";
  const cause = said.startsWith("expected") ? said : "it has another form";
  throw unreadable(context, place === "" ? cause : `${cause}, at ${place}`, parsed.error);
}

function unreadable({ what, target }: AnswerContext, cause: string, error: unknown): UserError {
  return new UserError(
    `The ${what} of ${target} can't be read: ${cause}. Nothing of it is believed. Log in and look at what ` +
      "answers there, or run pulumi up, which sends this version's updater.",
    { cause: error },
  );
}

function cut(value: string, length: number): string {
  return value.length > length ? `${value.slice(0, length)}…` : value;
}

/** How every verb answers that does not do what it is asked for. */
export const refused = z.object({ answer: z.literal("refused"), reasons: texts });

/** @throws UserError with the reasons where it was refused */
export function refuseAnswer<Answer extends { answer: string }>(
  answer: Answer,
): asserts answer is Exclude<Answer, { answer: "refused" }> {
  if (answer.answer !== "refused") return;
  throw new UserError((answer as Answer & { reasons: string[] }).reasons.join("\n"));
}
