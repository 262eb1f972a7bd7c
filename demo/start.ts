// Boots a throwaway server in a container and deploys the sample to it: `npm start`.
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../common/errors.ts";
import { ensureDocker, ensureToolchain, type Toolchain } from "../toolchain/index.ts";
import { alone } from "./alone.ts";
import { deploy } from "./deploy.ts";
import { demoName, environmentFile, repositoryFolder } from "./places.ts";
import { makeSampleRepository } from "./repository/index.ts";
import { bootServer, type DemoServer, serverExists } from "./server/index.ts";
import { forgetStack, stackEnvironment, writeEnvironmentFile } from "./stack.ts";

const startedAt = Date.now();

async function main(): Promise<void> {
  report("This is a demo: a sample chat server on a throwaway server in a container.");
  await ensureDocker(report);
  const toolchain = await ensureToolchain(report);
  const repository = await makeSampleRepository(repositoryFolder);
  report(`the sample's repository has ${repository.releases.length} releases`);
  // What a server that is gone left (its disk, its stack) would be refused: rightly so, it is another's.
  const isFresh = !(await serverExists(demoName));
  const server = await bootServer({ name: demoName, isFresh, report });
  report(`the server answers: ssh -p ${server.port} ${server.user}@${server.host}`);
  if (isFresh && (await forgetStack()))
    report("the server of the last demo is gone: its stack is begun anew");
  const environment = await stackEnvironment(toolchain);
  await writeEnvironmentFile(environment);
  await deploy({ server, repository, environment });
  const health = await readHealth(server);
  report("deployed");
  console.log(closingWords(server, toolchain, health));
}

function closingWords(server: DemoServer, toolchain: Toolchain, health: string): string {
  const standIns = [
    ...toolchain.standIns.map((name) => `the Pulumi plugin ${name}`),
    ...server.baseImages.filter((image) => image.isStandIn).map((image) => `image ${image.name}`),
  ];
  return [
    "",
    `Chat      http://127.0.0.1:${server.webPort}`,
    `Health    ${health}`,
    `Server    ssh -i ${server.identityFile} -o UserKnownHostsFile=${server.knownHostsFile} \\`,
    `            -p ${server.port} ${server.user}@${server.host}`,
    ...(standIns.length === 0
      ? []
      : [`Stand-ins ${standIns.join(", ")}`, "          (the real ones can't be downloaded here)"]),
    "",
    "Try next  (in this folder)",
    `          . ${environmentFile}`,
    `          pulumi stack select ${demoName}`,
    "          pulumi config set release v1.0.1 && pulumi preview   what would happen",
    "          pulumi up                                            do it",
    "          pulumi config set release v1.0.2-crashes-after-listening && pulumi up",
    "                                                               see it revert",
    "          pulumi config set release v1.2.0 && pulumi up        an update with migrations",
    "          npm run demo:destroy                                 remove all of it",
    "",
  ].join("\n");
}

/** What the server says from outside, through the address that a browser uses. */
async function readHealth(server: DemoServer): Promise<string> {
  const url = `http://127.0.0.1:${server.webPort}/api/health`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      return await answer.text();
    } catch (error) {
      if (attempt === 10) {
        throw new UserError(
          `The chat was deployed and does not answer: nothing came from ${url}. ` +
            `Look with docker exec ${server.container} docker ps -a.`,
          { cause: error },
        );
      }
      await sleep(1_000);
    }
  }
}

function report(line: string): void {
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(`[${String(seconds).padStart(4)} s] ${line}`);
}

try {
  await alone("starts the demo", report, main);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
