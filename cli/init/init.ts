/** `chatalot init`: asks for a chat's settings, checks them where that can be done, writes the stack. */
import { UserError } from "../../common/errors.ts";
import { DEFAULT_REPOSITORY } from "../../settings/values.ts";
import { UsageError } from "../exit-codes.ts";
import { backendOf, requirePulumi } from "./backend.ts";
import { closingWords } from "./closing.ts";
import { type Dialog, type Question } from "./dialog.ts";
import { type AnswerFlag, contradictions, type Flags, requireAllAnswers } from "./flags.ts";
import { checkFolder, checkStack, writeStack } from "./folder.ts";
import { givenHostKey } from "./host-key.ts";
import { Interview, readFlag } from "./interview.ts";
import {
  folderQuestion,
  identityQuestion,
  listenQuestion,
  registrationQuestion,
  releaseQuestion,
  serverQuestion,
  stackQuestion,
  urlQuestion,
  yesOrNo,
} from "./questions.ts";
import { askRelease } from "./release.ts";
import { askPlace } from "./requirements.ts";
import { askServer } from "./server.ts";
import { readSetting } from "./setting.ts";
import type { StackSettings } from "./stack-file.ts";

/** Nothing is written before the last answer was given. */
export interface Plan {
  folder: string;
  stack: string;
  settings: StackSettings;
}

/**
 * Asks everything.
 *
 * @param dialog undefined: there is no terminal, so the flags have to have every answer
 * @returns undefined where the operator doesn't want it after all
 */
export async function interviewOperator(
  flags: Flags,
  dialog: Dialog | undefined,
): Promise<Plan | undefined> {
  checkFlags(flags);
  if (dialog === undefined) requireAllAnswers(flags);
  await requirePulumi();
  const interview = new Interview(flags, dialog);
  if (interview.isInteractive) interview.say(GREETING);

  const { repository, directory, project } = readSetting({
    repository: flags.repository ?? DEFAULT_REPOSITORY,
    ...(flags.directory === undefined ? {} : { server: { directory: flags.directory } }),
  });
  const server = await askServer(interview);
  const { listen, prepareServer } = await askPlace(interview, { server, directory, project });
  const release = await askRelease(interview, repository);
  const url = await interview.answer(urlQuestion);
  const registration = await interview.answer(registrationQuestion);
  const folder = await askFolder(interview);
  const stack = await interview.answer(stackQuestion((name) => checkStack(folder, name)));
  const settings = {
    ...{ release, repository, server, directory, listen, registration, prepareServer },
    ...(url === undefined ? {} : { url }),
  };
  const isWanted =
    !interview.isInteractive ||
    (await interview.answer(
      yesOrNo(
        `Write the stack ${stack} into ${folder}`,
        "no ends this; nothing was written.",
        "yes",
      ),
    ));
  return isWanted ? { folder, stack, settings } : undefined;
}

/** Writes what was asked for. @returns what to do next */
export async function write({ folder, stack, settings }: Plan): Promise<string> {
  const backend = backendOf(process.env);
  await writeStack(folder, stack, settings, backend);
  return closingWords(folder, stack, settings, backend);
}

/** The backend had a stack of that name after all: asks for another one. */
export async function askOtherStack(plan: Plan, dialog: Dialog, reason: string): Promise<Plan> {
  dialog.say(reason);
  const question = stackQuestion((name) => checkStack(plan.folder, name));
  const { default: _taken, ...withoutDefault } = question;
  return { ...plan, stack: await dialog.ask(withoutDefault) };
}

const GREETING =
  "This asks for what a chat needs and writes a Pulumi stack. Enter takes what is in brackets, ? " +
  "explains a question, ^C ends it. Nothing is written before the last answer, and nothing is " +
  "changed on the server.\n";

async function askFolder(interview: Interview): Promise<string> {
  return await interview.answer({
    ...folderQuestion,
    read(answer: string) {
      const folder = folderQuestion.read(answer);
      checkFolder(folder, backendOf(process.env));
      return folder;
    },
  });
}

/** What can be known of the flags by themselves, all at once, before anything is asked. */
function checkFlags(flags: Flags): void {
  const questions: [AnswerFlag, Pick<Question<unknown>, "read">][] = [
    ["server", serverQuestion],
    ["hostKey", { read: () => givenHostKey(new Interview(flags, undefined)) }],
    ["identityFile", identityQuestion],
    ["jumpHost", { read: (jumpHost) => readSetting({ server: { host: "host", jumpHost } }) }],
    ["directory", { read: (directory) => readSetting({ server: { directory } }) }],
    ["repository", { read: (repository) => readSetting({ repository }) }],
    ["release", releaseQuestion(undefined)],
    ["url", urlQuestion],
    ["listen", listenQuestion],
    ["registration", registrationQuestion],
    ["folder", folderQuestion],
    ["stack", stackQuestion(() => undefined)],
  ];
  const wrong: string[] = [];
  for (const [flag, question] of questions) {
    const value = flags[flag];
    if (value === undefined) continue;
    try {
      readFlag(flag, value, (text) => question.read(text));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      wrong.push(error.message);
    }
  }
  wrong.push(...contradictions(flags));
  if (wrong.length > 0) throw new UsageError(`${wrong.join("\n")}\nNothing was written.`);
}
