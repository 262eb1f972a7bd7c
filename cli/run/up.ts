/** Pulumi with other settings, for a rollback or an update, and what stays in the stack file. */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { execa } from "execa";
import { UserError } from "../../common/errors.ts";
import { requester } from "../../provider/place.ts";
import { isUnreachable, type RemoteServer } from "../../provider/server/remote-server.ts";
import { writeFileDurably } from "../../updater/files.ts";
import type { OpenJob, ServerState } from "../../updater/protocol.ts";
import type { ConfigValue } from "../history/pulumi-history.ts";
import { pulumi, stackFlag } from "./pulumi.ts";
import type { CommandContext } from "../terminal.ts";
import { putStackFileBack, replaceStackFile, type StackFile, without } from "./stack-file.ts";

/**
 * How a run ended. `failed`: what served before serves, or nothing was touched; `needs-operator`: neither is
 * known to be so.
 */
export type RunEnd = "done" | "failed" | "under-way" | "needs-operator";

/**
 * Runs pulumi as the operator would, whose ^C reaches it directly.
 *
 * @returns its exit code
 */
async function runPulumi(
  verb: "preview" | "up",
  stack: string | undefined,
  ...flags: string[]
): Promise<number> {
  const wait = (): void => undefined;
  process.on("SIGINT", wait);
  try {
    const { exitCode } = await execa("pulumi", [verb, ...flags, ...stackFlag(stack)], {
      stdio: "inherit",
      reject: false,
    });
    return exitCode ?? 1;
  } finally {
    process.off("SIGINT", wait);
  }
}

/** Encrypts the secret variables of an earlier update into a stack file; each comes by standard input. */
export async function putSecretsBack(
  stack: string | undefined,
  path: string,
  secretEnv: ConfigValue | undefined,
): Promise<void> {
  const mode = (await stat(path)).mode & 0o777;
  await writeFileDurably(path, without(await readFile(path, "utf8"), "secretEnv"), mode);
  const values = (secretEnv?.objectValue ?? {}) as Record<string, unknown>;
  for (const [name, value] of Object.entries(values))
    await pulumi(
      `encrypt ${name}`,
      [
        ...["config", "set", "--path", "--secret", `secretEnv.${name}`, "--non-interactive"],
        ...["--config-file", path, ...stackFlag(stack)],
      ],
      // Pulumi takes the end of the line off, and nothing else.
      { input: `${String(value)}\n` },
    );
}

/** Shows what a draft of the stack file would do. @throws UserError where the preview fails */
export async function previewDraft(
  stack: string | undefined,
  draft: string,
  aim: Pick<Aim, "refreshes">,
): Promise<void> {
  if ((await runPulumi("preview", stack, "--config-file", draft, ...refreshing(aim))) !== 0)
    throw new UserError("Nothing was changed: the preview failed, see above.");
}

/** What a run is for, and what is said of its end. */
export interface Aim {
  server: RemoteServer;
  /** The commit that is to serve. */
  commit: string;
  /** The job that serves now, where the commit may stay the same: another one has to have brought it. */
  before?: number;
  /** Where it may go on without this command. */
  underWay: string;
  /** Where it serves, after the stack file's name. */
  served: string;
  /** Where the stack file was changed meanwhile: what to look at there. */
  lookAt: string;
  /** Whether the state is read anew before. @default false */
  refreshes?: boolean;
  /** A setting that was for this run only. */
  onlyForThisRun?: string;
}

/**
 * Puts a text in the place of the stack file, and runs `up`. Where it fails, the file is as before.
 *
 * @throws UserError where the stack file was changed since it was read; nothing was changed then
 */
export async function runUp(
  stack: string | undefined,
  file: StackFile,
  text: string,
  aim: Aim,
  { tell }: Pick<CommandContext, "tell">,
): Promise<RunEnd> {
  await replaceStackFile(file, text);
  const exitCode = await runPulumi("up", stack, "--yes", "--skip-preview", ...refreshing(aim));
  aim.server.forget();
  const state = exitCode === 0 ? undefined : await stateIfReached(aim.server);
  const { end, serves } = endOf(exitCode, aim, state);
  const name = basename(file.path);
  if (end === "under-way") {
    tell(aim.underWay);
    return end;
  }
  if (serves) {
    if (aim.onlyForThisRun !== undefined) {
      const present = { ...file, text: await readFile(file.path, "utf8") };
      await replaceStackFile(present, without(present.text, aim.onlyForThisRun));
    }
    tell(`${name} ${aim.served}`);
  } else tell(await putStackFileBack(file, text, aim.lookAt));
  return end;
}

/** By the program: the stack's server may be another one by now, which has none of the volumes. */
function refreshing({ refreshes = false }: Pick<Aim, "refreshes">): string[] {
  return refreshes ? ["--refresh", "--run-program"] : [];
}

async function stateIfReached(server: RemoteServer): Promise<ServerState | undefined> {
  try {
    return await server.state();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return undefined;
  }
}

/**
 * What became of it.
 *
 * @param state undefined where `up` went well, or the server can't be asked
 */
export function endOf(
  exitCode: number,
  { commit, before }: Pick<Aim, "commit" | "before">,
  state: Pick<ServerState, "openJob" | "serving" | "needsOperator"> | undefined,
): { end: RunEnd; serves: boolean } {
  if (exitCode === 0) return { end: "done", serves: true };
  if (state === undefined || isOurs(state.openJob, commit))
    return { end: "under-way", serves: false };
  const { serving } = state;
  return {
    end: state.needsOperator === undefined ? "failed" : "needs-operator",
    serves: serving?.release?.commit === commit && serving.sequence !== before,
  };
}

/** While anything else goes on, such as the nightly backup, the run was refused. */
function isOurs(job: OpenJob | undefined, commit: string): boolean {
  if (job === undefined) return false;
  const { kind, release, requestedBy } = job;
  const isOfRun = kind === "prepare" || kind === "switch";
  return isOfRun && release?.commit === commit && requestedBy === requester();
}
