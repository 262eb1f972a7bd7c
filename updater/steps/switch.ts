/**
 * The job that swaps the serving release. Read from top to bottom the list is what an update does;
 * each step that touches the service says how it is taken back.
 */
import { messageOf } from "../../common/errors.ts";
import { compareMigrations } from "../../release/compare.ts";
import { passGate } from "../gate.ts";
import type { LedgerRecord, ReleaseIdentity, ServingRecord } from "../protocol.ts";
import { BEFORE_UPDATE, hooksOfCheck, runBeforeUpdate } from "../hooks/hooks.ts";
import { releaseText } from "../texts.ts";
import { proveBackup, writeBackup } from "./backup.ts";
import type { Job } from "../job.ts";
import { changesDatabase, checkUpdate, replacementOf, serverBefore } from "./check-update.ts";
import { giveTagsBack, restartsDatabase } from "./other-images.ts";
import { makeReplacement } from "./replace-database.ts";
import { describeTaken, takenPorts } from "./ports.ts";
import { proveNewServer } from "./prove-server.ts";
import { databaseAfterRevert, restoreDatabase, takeRevertPoint } from "./revert-point.ts";
import { renderedRecord, renderedTarget } from "./renderings.ts";
import { type Facts, HopelessError, type JobContext, type Step, switchTarget } from "./step.ts";

export const SWITCH_STEPS: readonly Step[] = [
  { id: "J1", title: "check that the update can work", run: checkUpdate },
  { id: "J4", title: "back up the database", run: writeBackup },
  { id: "J5", title: "prove the backup", run: proveBackup },
  {
    id: "J5a",
    title: "make the database to go back to, beside the live one",
    isNeeded: ({ job }) => replacementOf(job) !== undefined,
    run: makeReplacement,
  },
  {
    id: BEFORE_UPDATE,
    title: "run the hook before-update",
    isNeeded: ({ job }) => hooksOfCheck(job).includes("before-update"),
    run: runBeforeUpdate,
  },
  {
    id: "J6",
    title: "stop the old server, where one runs",
    touchesService: true,
    run: stopOldServer,
    undo: {
      id: "R3",
      title: "start the old server again and prove it healthy",
      run: restoreOldServer,
    },
  },
  {
    id: "J7",
    title: "keep the database as it is",
    touchesService: true,
    run: takeRevertPoint,
    undo: { id: "R2", title: "take the database back", run: restoreDatabase },
  },
  {
    id: "J8",
    title: "start the new server",
    touchesService: true,
    run: startNewServer,
    undo: { id: "R1", title: "stop the new server", run: stopNewServer },
  },
  { id: "J9", title: "prove the new server healthy", touchesService: true, run: proveNewServer },
];

/**
 * With the same database nothing has to happen between the old server's stop and the new one's start, so
 * the old one serves on until J8 replaces it. It must not run while its database's container is made anew.
 */
function stopsFirst(job: Job): boolean {
  return changesDatabase(job) || restartsDatabase(job);
}

async function stopOldServer({ driver, job }: JobContext): Promise<Facts> {
  if (!stopsFirst(job)) {
    await driver.setRestartPolicy("no");
    return {};
  }
  const server = await driver.server();
  // Docker writes it down and may wait for its disk, while the server serves.
  await driver.setRestartPolicy("no");
  const stoppedAt = Date.now();
  await driver.stopServer();
  return server?.running === true ? { stoppedAt } : {};
}

/**
 * With a database that is about to change nobody can reach the new server before it is committed. Another image
 * alone changes nothing in it: what is written then is there for the old one as well.
 */
async function startNewServer(context: JobContext): Promise<Facts> {
  const door = changesDatabase(context.job) ? "closed" : "open";
  const isImpatient = restartsDatabase(context.job);
  const tell = (text: string): void => context.progress.tell("J8", text);
  const options = { door, isImpatient, tell } as const;
  return { door, ...(await context.driver.start(renderedTarget(context), options)) };
}

/**
 * Seconds for a server that nobody could reach. While it migrates it takes no notice of being asked to
 * end (measured: the full grace of 30 s passes), and users wait for the old one.
 */
const GRACE_BEHIND_DOOR = 2;

/** Where the new server was not even made, the old one may never have stopped: then it goes on. */
async function stopNewServer({ driver, job }: JobContext): Promise<Facts> {
  const server = await driver.server();
  const old = job.plan.previous;
  const isOld =
    !stopsFirst(job) &&
    server?.running === true &&
    (server.id === old?.serving?.found ||
      (server.commit === old?.release?.commit &&
        server.composeConfigHash === old?.serving?.composeConfigHash));
  if (isOld) return { neverStopped: true };
  await driver.stopServer(...(changesDatabase(job) ? [GRACE_BEHIND_DOOR] : []));
  return {};
}

/** R3 and R4: from what the ledger recorded, without a build and without a network. */
async function restoreOldServer(context: JobContext): Promise<{ firstGoodAt?: number }> {
  const { driver, job, progress } = context;
  const { previous } = job.plan;
  const serving = previous?.serving;
  if (previous?.release === undefined || serving === undefined) {
    progress.tell("R3", "nothing served before this deployment, so nothing is started");
    if (job.hasBegun("J8") && changesDatabase(job))
      // Nothing else would do it before the next deployment.
      await driver.openDoor(renderedTarget(context)).catch((error: unknown) => {
        progress.tell("R3", `the stopped server is still out of its networks: ${messageOf(error)}`);
      });
    return {};
  }
  await refuseMigratedDatabase(context, previous.release);
  // The way back may have begun before the step of the database.
  await giveTagsBack(context, "R3");
  await startOrNamePortOwner(context, serving);
  progress.tell("R4", `${previous.release.name} was started; proving it healthy`);
  const pass = await passGate(
    driver,
    {
      release: previous.release,
      image: serving.image,
      database: databaseAfterRevert(job) ?? serving.database,
      before: serverBefore(job),
    },
    switchTarget(context).gate,
    (text) => progress.tell("R4", text),
  );
  await driver.setRestartPolicy(serving.restartPolicy);
  await driver.removeLeftovers(renderedRecord(context, serving)).catch((error: unknown) => {
    progress.tell("R4", `a service that is switched off still runs: ${messageOf(error)}`);
  });
  return { firstGoodAt: pass.firstGoodAt };
}

/** Docker only says that the address is in use; who uses it is what helps. */
async function startOrNamePortOwner(context: JobContext, serving: ServingRecord): Promise<void> {
  const { driver, progress } = context;
  const rendered = renderedRecord(context, serving);
  try {
    await driver.start(rendered, {
      mustServe: true,
      tell: (text) => progress.tell("R3", text),
    });
  } catch (error) {
    const taken = await driver
      .publishedPorts(rendered)
      .then((ports) => takenPorts(driver, ports))
      .catch(() => []);
    if (taken.length === 0) throw error;
    throw new Error(`${taken.map(describeTaken).join("; ")}. ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * The old release exits at once on a database with a migration it does not know. After R2 there is
 * none; where there is one all the same, nothing is started that is bound to fail.
 */
async function refuseMigratedDatabase({ driver }: JobContext, old: ReleaseIdentity): Promise<void> {
  const applied = (await driver.database())?.applied ?? [];
  const { missing } = compareMigrations(applied, old.migrations);
  if (missing.length === 0) return;
  const names = missing.map(({ version, description }) => `${version} ${description}`).join(", ");
  throw new HopelessError(
    `${old.name} can't start any more: the failed release had applied ${names}. Choose ` +
      "a release that has these migrations and works, or restore a backup",
  );
}

/** A release as results name it. */
export function describeRelease(release: LedgerRecord["release"]): string {
  return release === undefined ? "no release" : releaseText(release);
}
