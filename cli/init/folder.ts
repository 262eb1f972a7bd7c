/**
 * The operator's folder: settings, state and passphrase, outside of the clone. It is made beside its
 * place and renamed there, so that it is there in whole or not at all.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import { checkout } from "../../common/checkout.ts";
import { UserError } from "../../common/errors.ts";
import { quote } from "../../common/quote.ts";
import { makeDirectoryDurably, writeFileDurably } from "../../updater/files.ts";
import { CALLER_FOLDER } from "../caller-folder.ts";
import { type Backend, stateFolder } from "./backend.ts";
import { pulumi, PulumiError } from "../run/pulumi.ts";
import { NAMESPACE, type StackSettings, withSettings } from "./stack-file.ts";

/**
 * The settings of a project that is this clone's program. It has no `config`: the program knows the
 * defaults itself, and so an update of the clone needs no change here.
 */
export const PROJECT = `# Leads to the clone of chatalot-deploy. Where you move the clone, change both paths here and the
# one in the file "chatalot".
name: ${NAMESPACE}
description: A self-hosted Chatalot server
main: ${JSON.stringify(checkout)}
runtime:
  name: nodejs
  options:
    typescript: false
plugins:
  providers:
    - name: chatalot
      path: ${JSON.stringify(join(checkout, "provider"))}
`;

/** Runs in the folder with its own state, wherever it is called from, also from cron; and hands on from where. */
const LAUNCHER = `#!/bin/sh
# The chatalot command of the clone, for the stacks in this folder: ./chatalot status
export ${CALLER_FOLDER}="$PWD"
cd "$(dirname -- "$(readlink -f -- "$0")")" || exit 1
. ./env
exec ${quote(`${checkout}/cli/chatalot`)} "$@"
`;

/**
 * Makes sure that the folder can be used: it isn't there yet, is empty, or was made by this command
 * and has its state where it will be looked for.
 *
 * @throws UserError
 */
export function checkFolder(folder: string, backend: Backend): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory())
    throw new UserError(`${folder} is a file. Choose another folder.`);
  if (readdirSync(folder).length === 0) return;
  const project = projectIn(folder);
  if (project === undefined)
    throw new UserError(`${folder} has other files in it. Choose a folder of its own.`);
  if (project.name !== NAMESPACE || project.main !== checkout)
    throw new UserError(
      `${folder} belongs to the project ${JSON.stringify(project.name)} in ${JSON.stringify(project.main ?? folder)}, not to ` +
        `${checkout}. Choose another folder.`,
    );
  const env = join(folder, "env");
  const exports = existsSync(env) ? readFileSync(env, "utf8") : "";
  if (exports !== environmentFile(backend, folder))
    throw new UserError(
      `${folder} has its state or passphrase elsewhere than your shell says. Run this command after ` +
        `". ${env}", or choose another folder.`,
    );
}

/** @throws UserError where the folder has settings for this stack, which nothing here replaces */
export function checkStack(folder: string, stack: string): void {
  const file = stackFile(folder, stack);
  if (!existsSync(file)) return;
  throw new UserError(
    `The stack ${stack} is there already: ${file}. Choose another name, or edit that file.`,
  );
}

function projectIn(folder: string): { name?: unknown; main?: unknown } | undefined {
  const file = join(folder, "Pulumi.yaml");
  if (!existsSync(file)) return undefined;
  try {
    return (parse(readFileSync(file, "utf8")) ?? undefined) as { name?: unknown } | undefined;
  } catch {
    return {};
  }
}

export function stackFile(folder: string, stack: string): string {
  return join(folder, `Pulumi.${stack}.yaml`);
}

/** The stack exists in the backend, which had not been looked at before. */
export class StackExistsError extends UserError {}

/**
 * Writes the folder with the stack, or adds the stack to the folder that is there.
 *
 * @throws StackExistsError where the backend has a stack of this name
 */
export async function writeStack(
  folder: string,
  stack: string,
  settings: StackSettings,
  backend: Backend,
): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  const workshop = await mkdtemp(join(parent, `.${basename(folder)}-`));
  const isNew = projectIn(folder) === undefined;
  // Files that are there already are used from where they are.
  const home = isNew ? workshop : folder;
  try {
    if (isNew) await makeHome(workshop, folder, backend);
    else await writeFileDurably(join(workshop, "Pulumi.yaml"), PROJECT);
    const environment = variablesOf(backend, home);
    await initializeStack(workshop, stack, environment);
    await writeSettings(workshop, stack, settings, environment);
    if (isNew) await rename(workshop, folder);
    else await rename(stackFile(workshop, stack), stackFile(folder, stack));
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  // Which stack is selected is remembered by the folder's path.
  await pulumi("select the stack", ["stack", "select", stack, "--non-interactive"], {
    folder,
    environment: variablesOf(backend, folder),
  });
}

/** @param folder where it will be */
async function makeHome(workshop: string, folder: string, backend: Backend): Promise<void> {
  await writeFileDurably(join(workshop, "Pulumi.yaml"), PROJECT);
  await writeFileDurably(join(workshop, "chatalot"), LAUNCHER, 0o700);
  // So `npx chatalot`, which every text of this tool says, finds it here instead of looking for a
  // package of that name elsewhere.
  const binaries = join(workshop, "node_modules", ".bin");
  await makeDirectoryDurably(binaries);
  await symlink("../../chatalot", join(binaries, "chatalot"));
  await writeFileDurably(join(workshop, "env"), environmentFile(backend, folder));
  if (backend.url === undefined) await makeDirectoryDurably(stateFolder(workshop));
  if (backend.passphrase === "file") {
    const passphrase = randomBytes(24).toString("base64url");
    await writeFileDurably(join(workshop, "passphrase"), `${passphrase}\n`);
  }
}

/** What has to be set for pulumi beside what the environment has. */
export function variablesOf(backend: Backend, folder: string): Record<string, string> {
  return {
    PULUMI_BACKEND_URL: backend.url ?? `file://${stateFolder(folder)}`,
    ...(backend.passphrase === "file"
      ? { PULUMI_CONFIG_PASSPHRASE_FILE: join(folder, "passphrase") }
      : {}),
  };
}

function environmentFile(backend: Backend, folder: string): string {
  const passphraseFile = process.env.PULUMI_CONFIG_PASSPHRASE_FILE;
  const variables = {
    ...variablesOf(backend, folder),
    ...(backend.passphrase === "environment" && passphraseFile !== undefined
      ? { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile }
      : {}),
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
  return `# For the shell, before pulumi is used in this folder:  . ${quote(join(folder, "env"))}\n${lines.join("\n")}\n`;
}

async function initializeStack(
  workshop: string,
  stack: string,
  environment: Record<string, string>,
): Promise<void> {
  try {
    const argv = ["stack", "init", stack, "--no-select", "--non-interactive"];
    await pulumi("make the stack", argv, { folder: workshop, environment });
  } catch (error) {
    if (!(error instanceof PulumiError) || !/already exists/.test(error.said)) throw error;
    throw new StackExistsError(
      `${environment.PULUMI_BACKEND_URL} has a stack ${stack} already. Choose another name.`,
    );
  }
}

/** Beside what `stack init` wrote; Pulumi itself has to find in it what was meant. */
async function writeSettings(
  workshop: string,
  stack: string,
  settings: StackSettings,
  environment: Record<string, string>,
): Promise<void> {
  const file = stackFile(workshop, stack);
  const before = existsSync(file) ? await readFile(file, "utf8") : "";
  await writeFileDurably(file, withSettings(before, settings));
  const argv = ["config", "--json", "--non-interactive", "--stack", stack];
  await pulumi("read the settings", argv, { folder: workshop, environment });
}
