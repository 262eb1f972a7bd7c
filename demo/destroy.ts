// Removes the demo: `npm run demo:destroy`. It asks nothing, since nothing in the demo is real.
import { rm, stat } from "node:fs/promises";
import process from "node:process";
import { messageOf, UserError } from "../common/errors.ts";
import { ensureDocker, ensureToolchain } from "../toolchain/index.ts";
import { alone } from "./alone.ts";
import { demoName, environmentFile, repositoryFolder, stackFolder } from "./places.ts";
import { removeSampleRepository } from "./repository/index.ts";
import { demoDirectory, destroyServer } from "./server/index.ts";
import { forgetStack, pulumi, stackEnvironment } from "./stack.ts";

async function main(): Promise<void> {
  await ensureDocker(report);
  if ((await stat(stackFolder).catch(() => undefined)) !== undefined) await destroyStack();
  report(`removing the server ${demoName} and its disk (a container and a volume on this machine)`);
  const existed = await destroyServer(demoName);
  if (!existed) report("there was no such server");
  report("removing the demo's stack, keys and sample repository");
  await forgetStack();
  await rm(demoDirectory(demoName), { recursive: true, force: true });
  await removeSampleRepository(repositoryFolder);
  await rm(environmentFile, { force: true });
  report("done; the images stay, so that the next npm start is quick");
}

async function destroyStack(): Promise<void> {
  report(`removing what Pulumi made on the server: pulumi destroy --exclude-protected`);
  const toolchain = await ensureToolchain(report);
  try {
    await pulumi(
      "destroy the demo's resources",
      ["destroy", "--stack", demoName, "--exclude-protected", "--yes", "--non-interactive"],
      await stackEnvironment(toolchain),
    );
  } catch (error) {
    // The server and all it holds go next: what could not be removed from it goes with it.
    report(`${messageOf(error)} Going on: the whole server is removed now.`);
  }
}

function report(line: string): void {
  console.log(line);
}

try {
  await alone("removes the demo", report, main);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
