/** Which demo server a process of the tests has for itself: mocha runs test files side by side. */

/** How many test files run at once on servers of their own; as `jobs` in test/server.mocharc.json. */
export const SERVERS = 2;

/** What the names of all servers of a run begin with. */
export const BASE = process.env.CHATALOT_DEPLOY_TEST_SERVER ?? "test";

/** The name of this process's server: mocha numbers its workers from 0, and has none for one file. */
export function serverOfThisProcess(worker = process.env.MOCHA_WORKER_ID): string {
  return nameOf(Number(worker ?? 0));
}

/** The name of a second server beside a process's own, which its test takes away again. */
export function secondServerOf(name = serverOfThisProcess()): string {
  return `${name}-next`;
}

/** The names of the servers of all processes of a run. */
export function serversOfTheWorkers(): string[] {
  return Array.from({ length: SERVERS }, (_, worker) => nameOf(worker));
}

/** The names of all servers that a run of the server tests uses. */
export function serversOfTheTests(): string[] {
  return serversOfTheWorkers().flatMap((name) => [name, secondServerOf(name)]);
}

function nameOf(worker: number): string {
  return worker === 0 ? BASE : `${BASE}-${worker + 1}`;
}
