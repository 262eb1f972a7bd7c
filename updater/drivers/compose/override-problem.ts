import { join } from "node:path";
import { CommandError } from "../../command.ts";
import { nameExists } from "../../files.ts";
import type { InstancePaths } from "../../paths.ts";
import { docker } from "./docker.ts";

/** Why Compose doesn't accept the operator's directory as it is, with an override in it; undefined: it does. */
export async function overrideProblem(
  { directory, composeFile }: InstancePaths,
  name: string,
): Promise<string | undefined> {
  if (!(await nameExists(composeFile))) return undefined;
  try {
    await docker("check the override", [
      ...["compose", "--project-directory", directory],
      ...["--file", composeFile, "--file", join(directory, name)],
      ...["config", "--quiet"],
    ]);
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
    return error.stderr.trim().split("\n").at(-1) ?? "Compose refuses it";
  }
}
