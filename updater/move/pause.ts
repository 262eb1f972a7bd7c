/**
 * Stops a chat so that nobody writes while its last backup is taken, and starts it again. The database runs
 * on: it is read from.
 *
 * No note is kept of a pause. What is to run stands in the ledger: `resume` starts that, and so does the next
 * `pulumi up`, to which a stopped server is drift.
 */
import { MAIN_SERVICE } from "../../release/compose-file.ts";
import { ComposeDriver } from "../drivers/compose/compose-driver.ts";
import { startAgain, stopAllButDatabase } from "../drivers/compose/pause.ts";
import { readInstance } from "../instance.ts";
import { Ledger } from "../ledger.ts";
import { obstacleOf } from "../obstacle.ts";
import { type InstancePaths, instancePaths } from "../paths.ts";
import type { JobKind, LedgerRecord, ServingRecord } from "../protocol.ts";
import { withSubmitLock } from "../submit-lock.ts";
import { noInstance } from "../submit.ts";
import { isAboutBackups } from "../texts.ts";
import type { MoveRequest, PauseAnswer, ResumeAnswer } from "./protocol.ts";

/** How long a server that was healthy before may take to be so again, in milliseconds. */
const HEALTHY_WITHIN = 60_000;

/** What is committed, and what it runs in. */
interface Committed {
  driver: ComposeDriver;
  serving: ServingRecord;
}

export async function pauseChat({ directory }: MoveRequest): Promise<PauseAnswer> {
  return withCommitted(directory, async ({ driver }, project) => {
    await driver.stopServer();
    return {
      answer: "paused",
      services: [MAIN_SERVICE, ...(await stopAllButDatabase(project))],
    };
  });
}

/** Beside a backup as well, which any chat serves beside: its following may have ended before it did. */
export async function resumeChat({ directory }: MoveRequest): Promise<ResumeAnswer> {
  const start = async ({ driver, serving }: Committed, project: string): Promise<ResumeAnswer> => {
    const others = Object.keys(serving.services ?? {});
    await startAgain(project, [...others, MAIN_SERVICE]);
    await driver.setRestartPolicy(serving.restartPolicy);
    const problem = await healthProblem(driver);
    return { answer: "resumed", ...(problem === undefined ? {} : { problem }) };
  };
  return withCommitted(directory, start, isAboutBackups);
}

/**
 * Under the lock of submissions, so that no job begins meanwhile.
 *
 * @param isHarmless jobs beside which it is done; by default there are none
 */
async function withCommitted<Answer>(
  directory: string,
  act: (committed: Committed, project: string) => Promise<Answer>,
  isHarmless?: (kind: JobKind) => boolean,
): Promise<Answer | { answer: "refused"; reasons: string[] }> {
  const paths = instancePaths(directory);
  return withSubmitLock(paths, async () => {
    const instance = await readInstance(paths);
    if (instance === undefined) return refused(noInstance(paths));
    const obstacle = await obstacleOf(paths, isHarmless);
    if (obstacle !== undefined) return refused(obstacle);
    const serving = (await servingOf(paths))?.serving;
    if (serving === undefined)
      return refused(`No release serves in ${directory}. Nothing was done.`);
    const { project } = instance;
    return await act({ driver: new ComposeDriver(paths, project), serving }, project);
  });
}

async function servingOf(paths: InstancePaths): Promise<LedgerRecord | undefined> {
  return (await Ledger.read(paths)).serving;
}

/** Undefined once it is healthy. */
async function healthProblem(driver: ComposeDriver): Promise<string | undefined> {
  const begun = performance.now();
  for (;;) {
    const health = await driver.health();
    if (health.status === "ok" && health.databaseHealthy === true) return undefined;
    if (performance.now() - begun > HEALTHY_WITHIN)
      return health.problem ?? `its health is "${health.status ?? "unknown"}"`;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

function refused(reason: string): { answer: "refused"; reasons: string[] } {
  return { answer: "refused", reasons: [reason] };
}
