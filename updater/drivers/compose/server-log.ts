/** The newest lines of what the server said, without what it must not tell. */
import { execa } from "execa";
import { plainText } from "../../../common/text.ts";
import { secretValues, withoutSecrets } from "../../hidden-secrets.ts";
import type { InstancePaths } from "../../paths.ts";
import type { ContainerFacts } from "../../protocol.ts";
import { docker, FILES_LABEL } from "./docker.ts";

/** @param lines at most that many, the newest last; those of earlier starts are left out */
export async function logTail(
  server: ContainerFacts,
  paths: InstancePaths,
  lines: number,
): Promise<string[]> {
  const secrets = await secretsOf(server.id, paths);
  // What it says goes to two outputs; the timestamps bring the lines into their order again.
  const { stdout, stderr } = await execa(
    "docker",
    ["logs", "--timestamps", "--since", server.startedAt, "--tail", String(lines), server.id],
    { timeout: 10_000, maxBuffer: 1024 * 1024 },
  );
  return withoutSecrets(plainText(`${stdout}\n${stderr}`), secrets)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .sort()
    .slice(-lines)
    .map((line) => line.slice(line.indexOf(" ") + 1));
}

/** What the server was given and must not tell. Where that is not known, nothing is shown at all. */
async function secretsOf(id: string, paths: InstancePaths): Promise<string[]> {
  const format = `{{json .Config.Env}} {{index .Config.Labels "${FILES_LABEL}"}}`;
  const found = await docker("ask for the server's variables", [
    ...["container", "inspect", "--format", format, id],
  ]);
  const end = found.lastIndexOf("] ") + 1;
  const [composeFile = ""] = found.slice(end + 1).split(",");
  return secretValues(paths, JSON.parse(found.slice(0, end)) as string[], composeFile);
}
