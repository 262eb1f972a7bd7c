/**
 * The runner's side of a call. What calls it may be anybody who has the one rule of sudo: nothing of a call is
 * believed, and what is not in one of the two lists of verbs is not done.
 */
import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Writable } from "node:stream";
import { withoutControls } from "../../common/text.ts";
import { firstLine } from "../first-line.ts";
import { unsafeFolders } from "../ownership.ts";
import { instancePaths } from "../paths.ts";
import { type Conversation, print, type Verb, VERBS } from "../verbs.ts";
import { limited, TooMuchError } from "../limit.ts";
import { OWN_VERBS } from "./own-verbs.ts";
import { NotPermittedError, permitFor, requireAllowance, requireSubject } from "./permits.ts";
import {
  type Allowance,
  callerSchema,
  callSchema,
  NOT_PERMITTED,
  OTHER_RUNNER,
  OUT_OF_TIME,
  type Permit,
  PERMITS_DIRECTORY,
} from "./protocol.ts";
import { refuseHostVariables } from "./variables.ts";

/** The longest first line, and the longest request, in bytes. */
const LONGEST_CALL = 4_096;
const LONGEST_REQUEST = 32 * 1024 ** 2;

/** Verbs whose request is followed by bytes, which have limits of their own. */
const WITH_BYTES: ReadonlySet<string> = new Set([
  "receive-archive",
  "receive-backup",
  "load-images",
]);

/** Verbs that need more than the permit for an instance. */
const NEEDED: ReadonlyMap<string, [Allowance, string]> = new Map([
  ["send-backup", ["fetch-backups", "Fetching a backup, which holds all messages and the keys,"]],
  ["load-images", ["send-images", "Sending an image, which could have any name,"]],
]);

/** Verbs that show what the chat's own files hold, or that move an administrator's files. */
const ROOTS_OWN: ReadonlySet<string> = new Set(["look-for-chat", "adopt", "forget"]);

/** The operator's side is of another version. */
export class OtherRunnerError extends Error {
  override readonly name = "OtherRunnerError";
}

/** What a failure of the updater is by its exit code. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof OtherRunnerError) return OTHER_RUNNER;
  if (error instanceof NotPermittedError || error instanceof TooMuchError) return NOT_PERMITTED;
  return 1;
}

export async function serve(stdin: AsyncIterable<Uint8Array>, output: Writable): Promise<void> {
  const { line, rest } = await firstLine(stdin, LONGEST_CALL);
  const call = parsedCall(line);
  limitTime(call.seconds);
  if (call.verb === "hello") {
    print(output, { runner: ownDigest() });
    return;
  }
  const verb = verbOf(call.verb);
  const permit = await permitOf(call.directory);
  const needed = NEEDED.get(call.verb);
  if (needed !== undefined) requireAllowance(permit, ...needed);
  const unsafe = await unsafeFolders(instancePaths(permit.directory));
  if (unsafe.length > 0)
    throw new NotPermittedError(
      `${permit.directory} can't be used: ${unsafe.join(", ")}. What runs there as root must be root's alone`,
    );
  const input = WITH_BYTES.has(call.verb) ? rest : limited(rest, LONGEST_REQUEST, "a request");
  const words = [permit.directory, ...call.numbers.map(String)];
  const longest = LONGEST_REQUEST;
  const { allow: allowances } = permit;
  await verb({ input, output, words, longest, allowances, permit: permitting(permit) });
}

function parsedCall(line: string) {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new NotPermittedError("what was asked is no call of chatalot-deploy");
  }
  const caller = callerSchema.safeParse(value);
  if (!caller.success) throw new NotPermittedError("what was asked is no call of chatalot-deploy");
  // Told before all else: a call of another version may mean something else by the same words.
  const own = ownDigest();
  if (caller.data.updater !== own)
    throw new OtherRunnerError(
      `the runner there is of another version of chatalot-deploy (updater ${own.slice(0, 12)}, and ` +
        `${caller.data.updater.slice(0, 12)} asks)`,
    );
  const call = callSchema.safeParse(value);
  if (call.success) return call.data;
  const [issue] = call.error.issues;
  throw new NotPermittedError(
    `the call is wrong at ${JSON.stringify(withoutControls((issue?.path ?? []).map(String).join(".")))}`,
  );
}

function verbOf(name: string): Verb {
  if (ROOTS_OWN.has(name))
    throw new NotPermittedError(
      `"${name}" is not done through the runner: it shows and moves files of the chat that runs. Do it once ` +
        "as root or with a user who has sudo for everything",
    );
  const verb = OWN_VERBS.get(name) ?? VERBS.get(name);
  if (verb === undefined) throw new NotPermittedError(`there is no verb "${name}"`);
  return verb;
}

async function permitOf(directory: string | undefined): Promise<Permit> {
  if (directory === undefined) throw new NotPermittedError("the call names no directory");
  const permit = await permitFor(directory);
  // sudo sets it, whatever its caller had there; absent: root called.
  const user = process.env.SUDO_USER ?? "root";
  const name = withoutControls(user).slice(0, 80);
  if (permit === undefined)
    throw new NotPermittedError(
      `the administrator has not allowed ${directory}: no file in ${PERMITS_DIRECTORY} is about it. ` +
        "npx chatalot runner, with this --directory and --project, prints what writes one",
    );
  if (user === "root" || permit.users.includes(user)) return permit;
  throw new NotPermittedError(
    `the administrator has not allowed ${name} to use ${directory}: "users" in ` +
      `${PERMITS_DIRECTORY}/${permit.project}.json does not name them`,
  );
}

function permitting(permit: Permit): Conversation["permit"] {
  return (request) => {
    const { filesVolume, configuration, volumes = [] } = request;
    const named = [
      ...volumes,
      ...(filesVolume === undefined ? [] : [filesVolume]),
      ...(configuration === undefined
        ? []
        : [configuration.databaseVolume, configuration.filesVolume]),
    ];
    requireSubject(permit, { ...request, volumes: named });
    if (configuration !== undefined) refuseHostVariables(configuration);
  };
}

/** Nobody but root can end this process, and whoever asked may be gone. */
function limitTime(seconds: number): void {
  setTimeout(() => {
    process.stderr.write(`it was ended after ${seconds} seconds\n`);
    process.exit(OUT_OF_TIME);
  }, seconds * 1_000).unref();
}

/** The SHA-256 in the name of the folder, which was compared with the content before this was run. */
function ownDigest(): string {
  return basename(dirname(realpathSync(process.argv[1] ?? "")));
}
