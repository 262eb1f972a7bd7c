/**
 * `chatalot adopt`: a chat that upstream's script or the page deployed becomes this stack's, without a
 * restart. The stack's settings are made from what runs.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { messageOf, UserError } from "../../common/errors.ts";
import { mirrorOf } from "../../provider/release-facts.ts";
import { requester } from "../../provider/place.ts";
import { adoptOn, lookForChatOn } from "../../provider/server/server-adoption.ts";
import { refuseAnswer } from "../../provider/server/answers.ts";
import type { RemoteServer } from "../../provider/server/remote-server.ts";
import { withArchive } from "../../release/archive.ts";
import type { Mirror } from "../../release/mirror.ts";
import { pinned } from "../../release/reference.ts";
import { describeRelease, type Release } from "../../release/release.ts";
import { tagsAt } from "../../release/tags.ts";
import { configurationOf } from "../../settings/configuration.ts";
import { parseSettings } from "../../settings/parse.ts";
import { TransportError, type TransportFailure } from "../../transport/index.ts";
import type { AdoptAnswer, AdoptRequest, FoundChat } from "../../updater/adopt/protocol.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import { withDraft } from "../run/change.ts";
import { putSecretsBack, type RunEnd, runUp } from "../run/up.ts";
import {
  putStackFileBack,
  replaceStackFile,
  type StackFile,
  stackFileOf,
  withValues,
} from "../run/stack-file.ts";
import { NAMESPACE } from "../init/stack-file.ts";
import { type StackValues, valuesOfStack } from "../stack.ts";
import { agrees, ask, type Ask, canAsk, type CommandContext, requirePerson } from "../terminal.ts";
import { type FoundSettings, settingsOfFound } from "./settings.ts";
import { sendArchive } from "../../provider/server/server-transfers.ts";

export interface AdoptOptions {
  /** What was deployed: a tag or a commit. */
  release?: string;
  /** Asks nothing. */
  yes?: boolean;
}

/** `adopted`: it is this stack's, and the next `pulumi up` restarts it for what differs. */
export type AdoptResult = RunEnd | "declined" | "adopted";

/** What runs, and what the stack will say of it. */
interface Found {
  chat: FoundChat;
  release: Release;
  /** `v1.0.0@<commit>`, or the commit. */
  reference: string;
  settings: FoundSettings;
}

/** @throws UserError where it can't be done; nothing was changed then */
export async function adopt(
  stack: string | undefined,
  options: AdoptOptions,
  context: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<AdoptResult> {
  const { yes = false } = options;
  requirePerson(yes, question);
  // What serves is what is to be found out.
  const values = await valuesOfStack(stack, { release: "v0" });
  const server = values.remote;
  const answer = await lookForChatOn(server, context.tell);
  refuseAnswer(answer);
  const mirror = await mirrorOf(values.settings.repository);
  const { project } = values.settings;
  const found = await describe(mirror, { chat: answer.chat, project }, options.release);
  for (const line of planText(server, found)) context.tell(line);
  const { request, raw } = requestOf(values, found);
  if (!yes && !(await agrees(question, "\nTake it over?"))) return "declined";
  const file = await stackFileOf(stack);
  const text = await writeSettings(stack, file, raw, found.settings);
  const adopted = await adoptOrPutBack(server, mirror, request, file, text, context);
  server.forget();
  context.tell(
    `ADOPTED ${found.reference} as instance ${adopted.instanceId}. Nothing was restarted.`,
  );
  for (const name of adopted.renamed)
    context.tell(`Your ${name.replace(/\.edited-\d+.*$/, "")} is kept there as ${name}.`);
  if (adopted.differences.length > 0) {
    context.tell(
      `The settings differ from what runs in: ${adopted.differences.join("; ")}. The next pulumi up restarts ` +
        "the server once for it. See it first: pulumi preview",
    );
    return "adopted";
  }
  return runUp(stack, file, text, aimAt(server, found), context);
}

/** What it is by the operator's word, or by what is checked out there. */
async function describe(
  mirror: Mirror,
  { chat, project }: { chat: FoundChat; project: string },
  wanted: string | undefined,
): Promise<Found> {
  const name = wanted ?? chat.commit;
  if (name === undefined)
    throw new UserError(
      `What runs is not known: ${chat.directory} is no git repository. Name the release that was built: ` +
        "npx chatalot adopt --release v0.22.6",
    );
  const release = await describeRelease(mirror, name);
  const [tag = release.tag] = await tagsAt(mirror, release.commit);
  const reference =
    tag === undefined ? release.commit : pinned({ name: tag, commit: release.commit });
  return {
    chat,
    release,
    reference,
    settings: settingsOfFound(chat, release.composeFile, project),
  };
}

function planText(server: RemoteServer, { chat, reference, settings }: Found): string[] {
  const { listen, url, env, secretEnv, profiles, leftOut, volumes } = settings;
  const names = [...Object.keys(env), ...Object.keys(secretEnv)].sort();
  const lines: [string, string][] = [
    ["ADOPT", `the chat in ${chat.directory} on ${server.target}`],
    ["Release", reference],
    [
      "Published",
      listen === undefined ? "nowhere on the host" : `${listen.address}:${listen.port}`,
    ],
    ...(url === undefined ? [] : [["Address", url] as [string, string]]),
    ["Settings", names.length === 0 ? "as the release has them" : names.join(", ")],
    ...(profiles.length === 0 ? [] : [["Profiles", profiles.join(", ")] as [string, string]]),
    ...Object.values(volumes).map((name): [string, string] => ["Volume", `${name}, by that name`]),
    ["Kept", "its database, uploads, passwords and keys, as they are"],
    ...leftOut.map((text): [string, string] => ["Left out", text]),
    ["Restart", "none: what runs goes on"],
  ];
  return lines.map(([name, value]) => `${name.padEnd(11)}${value}`);
}

/** What is asked of the server, from the very settings that `pulumi up` will read. */
function requestOf(
  { raw: before, place }: StackValues,
  { release, reference, settings }: Found,
): { request: AdoptRequest; raw: Record<string, unknown> } {
  const { listen, url, env, moreEnv, profiles, secretEnv, volumes } = settings;
  const beforeOwner = (before["listen"] as { beforeOwner?: unknown } | undefined)?.beforeOwner;
  const raw = {
    ...before,
    ...{ release: reference, env, moreEnv, profiles, url, volumes },
    ...(listen === undefined
      ? {}
      : { listen: { ...listen, ...(beforeOwner === undefined ? {} : { beforeOwner }) } }),
  };
  const known = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== undefined));
  const parsed = parseSettings({ ...known, secretEnv }, { namespace: NAMESPACE });
  const { commit, crateVersion, webVersion, migrations } = release;
  return {
    raw,
    request: {
      protocol: PROTOCOL,
      directory: place.directory,
      project: place.project,
      volumes: [parsed.volumes.database, parsed.volumes.files],
      requestedBy: requester(),
      release: {
        ...{ name: reference, commit },
        ...(crateVersion === undefined ? {} : { crateVersion }),
        ...(webVersion === undefined ? {} : { webVersion }),
        migrations: migrations.map(({ version, description, file, checksum }) => ({
          ...{ version, description, file, checksum },
        })),
      },
      configuration: { ...configurationOf(parsed), secretEnv },
    },
  };
}

/** @returns the stack file's text with all of it, secrets encrypted */
async function writeSettings(
  stack: string | undefined,
  file: StackFile,
  { release, listen, url, env, moreEnv, profiles, volumes }: Record<string, unknown>,
  { secretEnv }: FoundSettings,
): Promise<string> {
  const values = { release, listen, url, env, moreEnv, profiles, volumes };
  const text = await withDraft(file, "adopt", withValues(file.text, values), async (draft) => {
    await putSecretsBack(stack, draft, { objectValue: secretEnv, secret: true });
    return readFile(draft, "utf8");
  });
  await replaceStackFile(file, text);
  return text;
}

type Adopted = Extract<AdoptAnswer, { answer: "adopted" }>;

/**
 * Where the server refuses, the stack file is as it was. Where no answer came, nobody knows whose the chat is.
 *
 * @throws UserError where it was not taken over, or may not have been
 */
export async function adoptOrPutBack(
  server: RemoteServer,
  mirror: Mirror,
  request: AdoptRequest,
  file: StackFile,
  written: string,
  context: CommandContext,
): Promise<Adopted> {
  try {
    const answer = await adoptWithTree(server, mirror, request, context);
    if (answer.answer === "adopted") return answer;
    if (answer.answer === "wanted") throw new Error("the server did not take the release's tree");
    throw new UserError(`${answer.reasons.join("\n")}\nNothing was changed.`);
  } catch (error) {
    if (error instanceof UnansweredError)
      context.tell(
        `Whether the chat was taken over is not known, and ${basename(file.path)} keeps the settings of what ` +
          "runs. See it: pulumi preview. Where that says that this tool did not deploy the chat, take it over " +
          "once more: npx chatalot adopt",
      );
    else context.tell(await putStackFileBack(file, written, "its settings"));
    throw error;
  }
}

/** Nothing is sent to a server that would refuse. */
async function adoptWithTree(
  server: RemoteServer,
  mirror: Mirror,
  request: AdoptRequest,
  { tell }: CommandContext,
): Promise<AdoptAnswer> {
  const answer = await answerTo(() => adoptOn(server, request, tell));
  if (answer.answer !== "wanted") return answer;
  const { commit } = request.release;
  return withArchive(mirror, commit, async (archive) => {
    await sendArchive(server, archive);
    const { sha256 } = archive;
    return answerTo(() => adoptOn(server, { ...request, archive: { sha256 } }, tell));
  });
}

/** The server was asked, and what it did is not known. */
class UnansweredError extends UserError {}

/** Where these keep a command from the server, it was not begun there. */
const NOT_ASKED: readonly TransportFailure[] = [
  ...(["unreachable", "host-key", "authentication", "sudo", "login-shell"] as const),
];

/** @throws UnansweredError where the answer was lost or can't be read */
async function answerTo<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    const isAsked = error instanceof TransportError && !NOT_ASKED.includes(error.failure);
    if (!isAsked && !(error instanceof UserError)) throw error;
    throw new UnansweredError(messageOf(error), { cause: error });
  }
}

function aimAt(server: RemoteServer, { release }: Found) {
  return {
    ...{ server, commit: release.commit },
    underWay: "What was begun goes on at the server. Follow it: pulumi up",
    served: "has the settings of what serves. If it is kept in git, commit it.",
    lookAt: "its settings",
  };
}
