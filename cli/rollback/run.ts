/** The rollback itself: pulumi with the settings of an earlier update, and what stays in the stack file. */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { execa } from "execa";
import { isUnreachable, type RemoteServer } from "../../provider/server/remote-server.ts";
import { writeFileDurably } from "../../updater/files.ts";
import type { ServerState } from "../../updater/protocol.ts";
import type { ConfigValue } from "../history/pulumi-history.ts";
import { pulumi } from "../init/pulumi.ts";
import type { CommandContext } from "../terminal.ts";
import { without } from "./stack-file.ts";

/** The stack file as it was, and where it is. */
export interface StackFile {
  path: string;
  text: string;
}

/** How a rollback ended; `failed`: what served before serves, or nothing was touched. */
export type RollbackEnd = "done" | "failed" | "under-way";

/**
 * Runs pulumi as the operator would, whose ^C reaches it directly.
 *
 * @returns its exit code
 */
export async function runPulumi(
  verb: "preview" | "up",
  stack: string | undefined,
  ...flags: string[]
): Promise<number> {
  const chosen = stack === undefined ? [] : ["--stack", stack];
  const wait = (): void => undefined;
  process.on("SIGINT", wait);
  try {
    const { exitCode } = await execa("pulumi", [verb, ...flags, ...chosen], {
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
        ...["--config-file", path, ...(stack === undefined ? [] : ["--stack", stack])],
      ],
      // Pulumi takes the end of the line off, and nothing else.
      { input: `${String(value)}\n` },
    );
}

/** Puts the settings of the rollback in the place of the stack file, and runs `up`. */
export async function runRollback(
  stack: string | undefined,
  file: StackFile,
  draft: string,
  { server, commit }: { server: RemoteServer; commit: string },
  context: Pick<CommandContext, "tell">,
): Promise<RollbackEnd> {
  const mode = (await stat(file.path)).mode & 0o777;
  const text = await readFile(draft, "utf8");
  await writeFileDurably(file.path, text, mode);
  const exitCode = await runPulumi("up", stack, "--yes", "--skip-preview");
  server.forget();
  const state = exitCode === 0 ? undefined : await stateIfReached(server);
  const end = endOf(exitCode, commit, state);
  const present = await readFile(file.path, "utf8");
  const name = basename(file.path);
  if (end.end === "under-way") {
    context.tell(
      "The rollback may go on at the server. Follow it: pulumi up. When it is done: pulumi config rm rollback",
    );
    return end.end;
  }
  if (end.serves) {
    await writeFileDurably(file.path, without(present, "rollback"), mode);
    context.tell(
      `${name} names the release that serves now. If it is kept in git, commit it: whatever deploys from ` +
        "there goes forward again otherwise.",
    );
  } else if (present === text) {
    await writeFileDurably(file.path, file.text, mode);
    context.tell(`${name} is as it was before.`);
  } else
    context.tell(
      `${name} was changed meanwhile and is left alone. Look at "release" and "rollback".`,
    );
  return end.end;
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
  commit: string,
  state: Pick<ServerState, "openJob" | "serving"> | undefined,
): { end: RollbackEnd; serves: boolean } {
  if (exitCode === 0) return { end: "done", serves: true };
  if (state === undefined || state.openJob !== undefined)
    return { end: "under-way", serves: false };
  return { end: "failed", serves: state.serving?.release?.commit === commit };
}
