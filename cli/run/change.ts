/** A change of the stack's settings: drafted, previewed, agreed to, and brought by pulumi. */
import { readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "../../common/errors.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { writeFileDurably } from "../../updater/files.ts";
import { agrees, type Ask, type CommandContext } from "../terminal.ts";
import { type StackFile, stackFileOf } from "./stack-file.ts";
import { type Aim, previewDraft, type RunEnd, runUp } from "./up.ts";

/** What becomes different, and what for. */
export interface Change {
  /** Names the draft: `update` makes it `.update.Pulumi.prod.yaml`. */
  name: string;
  /** The stack file's text of the one before. */
  edit: (text: string) => string;
  /** What only pulumi can put into the draft, such as encrypted values. */
  complete?: (draft: string) => Promise<void>;
  /** What is asked after the preview: `Update?` */
  question: string;
  aim: Aim;
}

/** How it is agreed to. */
export interface Agreement {
  /** Asks nothing. The preview is shown all the same, and stops what can't work. */
  yes: boolean;
  question: Ask;
  /** Shows the preview, and changes nothing. @default false */
  previewOnly?: boolean;
}

/** How it ended. */
export type ChangeResult = RunEnd | "declined" | "previewed";

/**
 * Drafts the change, previews it, asks, and runs pulumi. Where it fails, the stack file is as before.
 *
 * @param agreement undefined: it was agreed to before, and the chat is away while a preview would be read
 * @throws UserError where the preview refuses it, or the stack file was changed since the draft; nothing was
 * changed then
 */
export async function changeStack(
  stack: string | undefined,
  { name, edit, complete, question, aim }: Change,
  agreement: Agreement | undefined,
  context: Pick<CommandContext, "tell">,
): Promise<ChangeResult> {
  const file = await stackFileOf(stack);
  const text = await withDraft(file, name, edit(file.text), async (draft) => {
    await complete?.(draft);
    if (agreement !== undefined) await previewDraft(stack, draft, aim);
    return readFile(draft, "utf8");
  });
  if (agreement?.previewOnly === true) return "previewed";
  const isAgreed = agreement?.yes !== false || (await agrees(agreement.question, `\n${question}`));
  return isAgreed ? runUp(stack, file, text, aim, context) : "declined";
}

/** Gives a text a file of its own beside the stack file for as long as the work takes. */
export async function withDraft<Value>(
  { path }: StackFile,
  name: string,
  text: string,
  work: (draft: string) => Promise<Value>,
): Promise<Value> {
  // Pulumi tells the format of a file by its name, which may be any where the stack file is a link.
  const draft = join(dirname(path), `.${name}.${basename(path, ".yaml")}.yaml`);
  try {
    await writeFileDurably(draft, text);
    return await work(draft);
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * The number of the job that was taken back, for the setting `retry`.
 *
 * @param what was tried, for the error's text
 * @throws UserError where there is none
 */
export function takenBackJob(
  what: string,
  commit: string,
  { reverted }: Pick<ServerState, "reverted">,
): number {
  const job = reverted.find((entry) => entry.commit === commit)?.sequence;
  if (job === undefined)
    throw new UserError(`${what} was not tried and taken back here. Leave "--retry" away.`);
  return job;
}
