/**
 * What the server tests share: one sample repository for the whole run, one server for all that run
 * in the same process, and a clean server for each suite.
 */
import { fileURLToPath } from "node:url";
import { makeSampleRepository, type SampleRepository } from "../../../demo/repository/index.ts";
import { bootServer, type DemoServer } from "../../../demo/server/index.ts";
import { serverOfThisProcess } from "../../support/server-names.ts";
import { leftoversOn } from "./leftovers.ts";
import { Operator } from "./operator.ts";

/** The instance's folder on the server. */
export const DIRECTORY = "/srv/chatalot";

const REPOSITORY = fileURLToPath(new URL("../../../.demo/test-repository", import.meta.url));

let repository: Promise<SampleRepository> | undefined;
let server: Promise<DemoServer> | undefined;

/** The sample's repository with all its releases. */
export function sampleRepository(): Promise<SampleRepository> {
  repository ??= makeSampleRepository(REPOSITORY);
  return repository;
}

/** The server of this process's tests: booted once, kept for the next run. */
export function testServer(): Promise<DemoServer> {
  server ??= bootServer({ name: serverOfThisProcess(), report: () => undefined });
  return server;
}

/** The server of the tests after it ended at once, as by a power cut, and was booted again. */
export async function crashedServer(): Promise<DemoServer> {
  await (await testServer()).kill();
  server = undefined;
  return testServer();
}

/**
 * A server without any trace of an earlier deployment; base images and our programs stay. It is a new
 * one where a test could not take back what it did to the server, as when it was interrupted.
 */
export async function cleanServer(): Promise<DemoServer> {
  const demo = await testServer();
  await clean(demo);
  const left = await leftoversOn(demo);
  if (left.length === 0) return demo;
  console.log(`        (the server ${demo.name} is made anew: it had ${left.join(", ")})`);
  server = bootServer({ name: demo.name, isFresh: true, report: () => undefined });
  return server;
}

/** Takes every trace of a deployment from a server. */
export async function clean(demo: DemoServer): Promise<void> {
  await demo.exec(["sh", "-c", CLEAN], { timeout: 600_000 });
}

const CLEAN = `
systemctl stop 'chatalot-deploy-*' 'chatalot-deploy@*' 2>/dev/null
rm -f /etc/systemd/system/chatalot-deploy-* /etc/systemd/system/timers.target.wants/chatalot-deploy-*
rm -f /var/lib/systemd/timers/stamp-chatalot-deploy-*
rm -rf /etc/systemd/system/chatalot-deploy@.service.d /etc/systemd/system/multi-user.target.wants/chatalot-deploy@*
systemctl daemon-reload
docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes
docker volume ls --quiet | xargs --no-run-if-empty docker volume rm
docker network ls --quiet --filter label=com.docker.compose.project | xargs --no-run-if-empty docker network rm
docker network ls --quiet --filter label=chatalot-deploy.closed-door | xargs --no-run-if-empty docker network rm
docker images --quiet --filter 'reference=chatalot-deploy/*' | xargs --no-run-if-empty docker rmi --force
rm -rf ${DIRECTORY}
exit 0
`;

/** An operator who has set everything for the test server but the release. */
export async function operatorOf(demo: DemoServer): Promise<Operator> {
  const operator = await Operator.arrive();
  await operator.configure({
    repository: (await sampleRepository()).directory,
    "server.host": demo.host,
    "server.port": demo.port,
    "server.user": demo.user,
    "server.identityFile": demo.identityFile,
    "server.hostKey": demo.hostKey,
    "listen.address": "0.0.0.0",
    "listen.port": 8080,
    // The tests look from outside at chats without accounts; this machine alone reaches the server.
    "listen.beforeOwner": "open",
    "health.mustStayGoodFor": "1 second",
    "health.timeout": "20 seconds",
  });
  return operator;
}

/** A clean server on which a release serves, and the operator who deployed it. */
export async function servingChat(
  release: string,
  settings: Record<string, string | number | boolean> = {},
): Promise<{ demo: DemoServer; operator: Operator }> {
  const demo = await cleanServer();
  const operator = await operatorOf(demo);
  await operator.configure({ release, ...settings });
  await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
  return { demo, operator };
}

/** Where the chat answers. */
export function chatUrl(demo: DemoServer): string {
  return `http://${demo.address}:8080`;
}
