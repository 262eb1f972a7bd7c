/**
 * The operator's programs on this machine, around a change of what serves. They are run here and not by a
 * command resource: only the server knows whether an `up` changes anything (it may mend a drift, or follow a
 * job that runs already), no resource is made when another one fails, and a resource that has run before a
 * failed update would not run again before the next try.
 */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { messageOf, UserError } from "../common/errors.ts";
import { homePath } from "../common/home-path.ts";
import type { HookSettings } from "../settings/parse.ts";
import { runHookProcess } from "../updater/hooks/process.ts";
import { plainText } from "../common/text.ts";
import type { Outcome, ServerState, SwitchRequest } from "../updater/protocol.ts";
import { releaseText } from "../updater/texts.ts";
import type { Wire } from "./codec.ts";
import { UnfollowedError, VerdictError } from "./place.ts";
import { line } from "./plan/render.ts";
import { type ResourceContext, UnfinishedError } from "./resource.ts";
import { foresee } from "./server/foresee.ts";
import type { RemoteServer } from "./server/remote-server.ts";

const NAMES = ["beforeUpdate", "afterUpdate", "onFailure"] as const;
type MachineHook = (typeof NAMES)[number];

const MAXIMUM_CAUSE = 400;

/** What is asked for, and how it is done. */
export interface Change {
  server: RemoteServer;
  request: SwitchRequest;
  /** Does it; gives the outputs of the resource. */
  make: () => Promise<Wire>;
}

/**
 * Makes a change with the hooks around it. A first deployment, and what changes nothing, has none.
 *
 * @throws UserError where beforeUpdate fails: nothing was changed then
 */
export async function withHooks(
  context: ResourceContext,
  hooks: HookSettings | undefined,
  { server, request, make }: Change,
): Promise<Wire> {
  if (hooks === undefined || namesOf(hooks).length === 0) return make();
  const { serving } = await server.state();
  if (serving?.release === undefined) return make();
  const { answer } = await foresee(server, request, (text) => context.tell(text));
  // It says the same in a moment, and why.
  if (answer === "refused" || answer === "unchanged") return make();
  const from = serving.release;
  const run = (name: MachineHook, facts: Record<string, string>): Promise<string | undefined> =>
    runHook(context, hooks, name, { ...factsOf(request, from), ...facts });
  let outputs: Wire;
  try {
    // Of a job that runs already it is too late for something before.
    if (answer === "would-start") {
      const problem = await run("beforeUpdate", {});
      if (problem !== undefined) throw refusedBy(problem, request, from);
    }
    outputs = await make();
  } catch (error) {
    if (error instanceof UnfollowedError || error instanceof UnfinishedError)
      context.tell(
        "How the update ends is not known here, so neither afterUpdate nor onFailure was run; the server's " +
          "own hooks run all the same.",
      );
    else warnOf(context, "onFailure", await run("onFailure", failureFacts(error)));
    throw error;
  }
  const { sequence } = outputs;
  const facts = {
    CHATALOT_RESULT: "done",
    CHATALOT_JOB: typeof sequence === "number" ? String(sequence) : "",
  };
  warnOf(context, "afterUpdate", await run("afterUpdate", facts));
  return outputs;
}

function refusedBy(problem: string, { release }: SwitchRequest, from: ReleaseName): UserError {
  return new UserError(
    `UNTOUCHED ${releaseText(release)} was not started; ${releaseText(from)} serves as before. Cause: the ` +
      `hook beforeUpdate on this machine did not let it pass: ${problem}\nMend what it says, or the hook ` +
      "itself, then run pulumi up again.",
  );
}

function warnOf(context: ResourceContext, name: MachineHook, problem: string | undefined): void {
  if (problem !== undefined)
    context.warn(`The hook ${name} on this machine failed, which changes nothing else: ${problem}`);
}

type ReleaseName = { name: string; commit: string };

/** @returns why it failed; undefined where it did not, or there is none */
async function runHook(
  context: ResourceContext,
  hooks: HookSettings,
  name: MachineHook,
  facts: Record<string, string>,
): Promise<string | undefined> {
  const [file, ...rest] = hooks[name] ?? [];
  if (file === undefined) return undefined;
  context.tell(`hook ${name}: ${file}`);
  return runHookProcess({
    argv: [homePath(file), ...rest],
    environment: { ...inherited(), CHATALOT_HOOK: name, ...facts },
    directory: homedir(),
    timeLimit: hooks.timeLimit,
    onLine: (line) => context.status(`${name}: ${line}`),
    // After a failure, which an interruption may be, it still has to clear up.
    ...(name === "onFailure" ? {} : { signal: context.signal }),
  });
}

/** The operator's own environment, but for what belongs to Pulumi: its passphrase is of no use to a hook. */
function inherited(): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("PULUMI_"));
  return Object.fromEntries(own.map(([name, value]) => [name, value ?? ""]));
}

/** The names are those that the server's hooks get. */
function factsOf(request: SwitchRequest, from: ReleaseName): Record<string, string> {
  return {
    CHATALOT_RESULT: "",
    CHATALOT_CAUSE: "",
    CHATALOT_JOB: "",
    CHATALOT_FROM_RELEASE: from.name,
    CHATALOT_FROM_COMMIT: from.commit,
    CHATALOT_TO_RELEASE: request.release.name,
    CHATALOT_TO_COMMIT: request.release.commit,
    CHATALOT_REQUESTED_BY: plainText(request.requestedBy),
    CHATALOT_PROJECT: request.project,
    CHATALOT_DIRECTORY: request.directory,
  };
}

function failureFacts(error: unknown): Record<string, string> {
  const verdict = error instanceof VerdictError ? error.verdict : undefined;
  // Refused by the hook or by the server; a connection that broke says nothing of what became of it.
  const untouched: Outcome | "unknown" = error instanceof UserError ? "untouched" : "unknown";
  const cause = verdict?.cause ?? messageOf(error);
  return {
    CHATALOT_RESULT: verdict?.outcome ?? untouched,
    CHATALOT_CAUSE: plainText(cause.split("\n")[0] ?? "").slice(0, MAXIMUM_CAUSE),
    ...(verdict === undefined ? {} : { CHATALOT_JOB: String(verdict.sequence) }),
  };
}

/** Why hooks can't be run: in the preview, and not when the update is half done. */
export async function hookRefusals(
  hooks: HookSettings | undefined,
  state: Pick<ServerState, "hooks">,
): Promise<string[]> {
  const here = await Promise.all(
    (hooks === undefined ? [] : namesOf(hooks)).map(async (name) => {
      const [file = ""] = hooks?.[name] ?? [];
      const problem = await problemOf(file);
      return problem === undefined
        ? []
        : [
            `The hook ${name} can't be run on this machine: ${problem}. Nothing was changed. Mend it, or ` +
              `remove the setting: pulumi config rm --path hooks.${name}`,
          ];
    }),
  );
  const there = state.hooks?.problems ?? [];
  return [...here.flat(), ...there.map(onServer)];
}

function onServer(problem: string): string {
  return `A hook on the server can't be run: ${problem}. Nothing was changed.`;
}

/** Says which hooks will run, for a change that was found. */
export function tellHooks(
  context: Pick<ResourceContext, "tell" | "warn">,
  hooks: HookSettings | undefined,
  state: Pick<ServerState, "hooks">,
): void {
  const { ignored = [] } = state.hooks ?? {};
  if (ignored.length > 0)
    context.warn(
      `Programs in the server's folder for hooks that no hook is named like, so that nothing runs them: ` +
        `${ignored.join(", ")}. The names are before-update, after-update and on-failure.`,
    );
  const programs = programsOf(hooks, state);
  if (programs.length > 0)
    context.tell(programs.flatMap((text, at) => line(at === 0 ? "HOOKS" : "", text)).join("\n"));
}

/** The operator's programs around an update, one text for each machine that has some. */
export function programsOf(
  hooks: HookSettings | undefined,
  state: Pick<ServerState, "hooks">,
): string[] {
  const here = hooks === undefined ? [] : namesOf(hooks);
  const there = state.hooks?.names ?? [];
  return [
    ...(here.length === 0
      ? []
      : [`on this machine ${here.map((name) => `${name} (${hooks?.[name]?.[0]})`).join(", ")}`]),
    ...(there.length === 0 ? [] : [`on the server ${there.join(", ")}`]),
  ];
}

function namesOf(hooks: HookSettings): MachineHook[] {
  return NAMES.filter((name) => hooks[name] !== undefined);
}

async function problemOf(file: string): Promise<string | undefined> {
  const path = homePath(file);
  if (isAbsolute(path)) return problemOfFile(path);
  const folders = (process.env.PATH ?? "").split(delimiter).filter(isAbsolute);
  for (const folder of folders)
    if ((await problemOfFile(join(folder, path))) === undefined) return undefined;
  return `there is no program ${path} in any folder of PATH`;
}

async function problemOfFile(path: string): Promise<string | undefined> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) return `there is no file ${path}`;
  if (!facts.isFile()) return `${path} is no file`;
  return access(path, constants.X_OK).then(
    () => undefined,
    () => `${path} is not executable`,
  );
}
