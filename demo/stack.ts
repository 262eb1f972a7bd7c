import { randomBytes } from "node:crypto";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../common/errors.ts";
import { quote } from "../common/quote.ts";
import type { Toolchain } from "../toolchain/index.ts";
import { checkout, demoFolder, demoName, environmentFile, stackFolder } from "./places.ts";
import { hasStaleLock } from "./stale-lock.ts";

const stateFolder = join(stackFolder, "state");

/** The variables with which `pulumi` works on the demo's stack: its backend is a folder here. */
export async function stackEnvironment(toolchain: Toolchain): Promise<Record<string, string>> {
  const passphrase = join(stackFolder, "passphrase");
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  if ((await stat(passphrase).catch(() => undefined)) === undefined) {
    await writeFile(passphrase, randomBytes(24).toString("base64url"), { mode: 0o600 });
  }
  return {
    ...toolchain.environment,
    PULUMI_BACKEND_URL: `file://${stateFolder}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
  };
}

/** Writes the same variables for the operator's shell. */
export async function writeEnvironmentFile(environment: Record<string, string>): Promise<void> {
  const path = environment.PATH?.replace(`:${process.env.PATH ?? ""}`, "") ?? "";
  const lines = [
    "# For the shell: source this, then run pulumi in the checkout.",
    `export PATH=${quote(path)}:"$PATH"`,
    ...Object.entries(environment)
      .filter(([name]) => name !== "PATH")
      .map(([name, value]) => `export ${name}=${quote(value)}`),
    "",
  ];
  await mkdir(demoFolder, { recursive: true });
  await writeFile(environmentFile, lines.join("\n"), { mode: 0o600 });
}

/**
 * Runs `pulumi` on the demo's stack, with this terminal's output.
 *
 * @param what it does, for the error text: "deploy to the demo server"
 */
export async function pulumi(
  what: string,
  argv: readonly string[],
  environment: Record<string, string>,
): Promise<void> {
  const result = await execa("pulumi", argv, {
    cwd: checkout,
    env: environment,
    stdio: ["ignore", "inherit", "inherit"],
    reject: false,
    timeout: 3_600_000,
  });
  if (result.failed) {
    const cause = result.timedOut ? "no end after an hour" : `exit code ${result.exitCode}`;
    throw new UserError(`Could not ${what}: pulumi ended with ${cause}. See its output above.`);
  }
}

/** Takes the lock of an earlier `pulumi up` away that was ended before it could do so itself. */
export async function freeStack(
  environment: Record<string, string>,
  state = stateFolder,
): Promise<void> {
  if (!(await hasStaleLock(state))) return;
  await pulumi(
    "free the demo's stack from the lock of an update that was ended",
    ["cancel", "--yes", "--stack", demoName, "--non-interactive"],
    environment,
  );
}

/** Removes the stack's state, its passphrase and its settings; says whether there were any. */
export async function forgetStack(): Promise<boolean> {
  const existed = (await stat(stackFolder).catch(() => undefined)) !== undefined;
  await rm(stackFolder, { recursive: true, force: true });
  await rm(join(checkout, `Pulumi.${demoName}.yaml`), { force: true });
  return existed;
}
