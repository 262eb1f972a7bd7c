/**
 * Takes a request: refuses it, finds that nothing is to be done, attaches to the job that already
 * does it, or opens a new job (J0) and starts its unit. Everything that is decided here is decided
 * under one lock, whoever asks.
 */
import { backupSequences } from "./backups.ts";
import { linkDurably, readFileIfThere } from "./files.ts";
import { databaseTools } from "./drivers/compose/data/tools.ts";
import { findForeign } from "./foreign.ts";
import {
  ensureInstance,
  keepReserve,
  keyedDigest,
  otherInstanceText,
  readInstance,
  type Instance,
} from "./instance.ts";
import { Job, jobSequences, openJob, type Runner } from "./job.ts";
import { type DatabaseNames, numbersOfCopies } from "./kept-databases.ts";
import { Ledger } from "./ledger.ts";
import { withSubmitLock } from "./submit-lock.ts";
import { type InstancePaths, instancePaths } from "./paths.ts";
import { unsafeFolders } from "./ownership.ts";
import { type ForeseenAnswer, type JobRequest, PROTOCOL, type SubmitAnswer } from "./protocol.ts";
import { isAboutBackups, needsOperatorText, underWay } from "./texts.ts";
import { armUnit } from "./unit.ts";
import { setAsideSequences } from "./uploads.ts";
import { prepareWork, type Work } from "./work.ts";

/** Each a second apart. After that the follower goes on trying. */
const START_ATTEMPTS = 10;

export async function submit(request: JobRequest, runner: Runner): Promise<SubmitAnswer> {
  const paths = instancePaths(request.directory);
  const answer = await decide(paths, request, runner);
  // Without the lock, which the unit may want before it looks for a job.
  if (answer.answer === "started") await startUnit(paths, answer.sequence);
  return answer;
}

async function decide(
  paths: InstancePaths,
  request: JobRequest,
  runner: Runner,
): Promise<SubmitAnswer> {
  return withSubmitLock(paths, async () => {
    const refusals = await refusalsBeforeWriting(paths, request);
    if (refusals.length > 0) return { answer: "refused", reasons: refusals };
    const instance = await ensureInstance(paths, request.project);
    return await submitLocked(paths, instance, request, runner);
  });
}

/** Reasons that hold before this tool may write a single file into the directory. */
async function refusalsBeforeWriting(paths: InstancePaths, request: JobRequest): Promise<string[]> {
  const unsafe = await unsafeFolders(paths);
  if (unsafe.length > 0)
    return [
      `${request.directory} can't be used: ${unsafe.join(", ")}. What runs there as root must be root's ` +
        "alone: change owner and mode, or choose another server.directory.",
    ];
  const known = await readInstance(paths);
  if (request.instanceId !== undefined && request.instanceId !== known?.id)
    return [
      `${otherInstanceText(paths, request.instanceId, known)} Point "server" at the right one; to begin anew ` +
        "there with an empty chat, use a new stack.",
    ];
  if (known !== undefined)
    return known.project === request.project
      ? []
      : [
          `${paths.directory} holds the project ${known.project}, not ${request.project}. Nothing was ` +
            `changed. Set it back: pulumi config set project ${known.project}`,
        ];
  if (isAboutBackups(request.kind)) return [noInstance(paths)];
  const foreign = await findForeign(paths, request.project, request.volumes);
  if (foreign.length === 0) return [];
  return [
    `Something is here already that this tool did not deploy: ${foreign.join(", ")}. Nothing was ` +
      'changed. If it is a chat, take it over: npx chatalot adopt. Else choose an empty "server.directory" and ' +
      '"project", or move these away first.',
  ];
}

/** Why something is refused that is about an instance which has to be there. */
export function noInstance({ directory }: Pick<InstancePaths, "directory">): string {
  return (
    `There is no instance in ${directory} on this server, and so no backup. Deploy one with pulumi up, or ` +
    'point "server" at the right one.'
  );
}

/**
 * What {@link submit} would answer now. No job is opened: programs of the operator's run before a change, and
 * only before one.
 */
export async function foresee(request: JobRequest): Promise<ForeseenAnswer> {
  const paths = instancePaths(request.directory);
  return withSubmitLock(paths, async () => {
    const refusals = await refusalsBeforeWriting(paths, request);
    if (refusals.length > 0) return { answer: "refused", reasons: refusals };
    const instance = await readInstance(paths);
    if (instance === undefined) return { answer: "would-start" };
    const found = await comparedWith(paths, instance, request);
    return "answer" in found ? found.answer : { answer: "would-start" };
  });
}

async function submitLocked(
  paths: InstancePaths,
  instance: Instance,
  request: JobRequest,
  runner: Runner,
): Promise<SubmitAnswer> {
  const found = await comparedWith(paths, instance, request);
  if ("answer" in found) {
    // Whoever opened it may have been killed before its unit was started.
    if (found.isOpen) await armUnit(paths.directory);
    return found.answer;
  }
  const { work, requestId, ledger } = found;
  const sequence = await nextSequence(paths, ledger, databaseTools(instance.project));
  await keepReserve(paths);
  const plan = await work.plan(sequence);
  await linkDurably(paths.runnerNode, runner.node);
  await linkDurably(paths.runnerUpdater, runner.updater);
  await Job.open(paths, sequence, plan, {
    type: "opened",
    protocol: PROTOCOL,
    sequence,
    kind: request.kind,
    requestId,
    asked: await requestDigest(paths, request),
    requestedBy: request.requestedBy,
    runner,
  });
  await armUnit(paths.directory);
  return { answer: "started", sequence, instanceId: instance.id, ...work.published };
}

/**
 * The number of the next job. By it the job names databases and folders, so none is taken of which anything is
 * there: the ledger may begin anew on a server whose data live on. Where the database is away J1 looks again.
 */
export async function nextSequence(
  paths: InstancePaths,
  ledger: Ledger,
  tools: DatabaseNames,
): Promise<number> {
  // A backup that was brought here names a job of the server that it came from.
  const known = [...(await jobSequences(paths)), ...(await backupSequences(paths))];
  const taken = new Set([
    ...(await setAsideSequences(paths)),
    ...(await numbersOfCopies(tools).catch(() => [])),
  ]);
  let next = Math.max(0, ledger.last?.sequence ?? 0, ...known) + 1;
  // Skipped one by one: a copy that somebody called by a date must not make the number of the next job of it.
  while (taken.has(next)) next += 1;
  return next;
}

/** Why no job is to be opened, or what one would do. */
type Comparison =
  | { answer: Exclude<SubmitAnswer, { answer: "started" }>; isOpen: boolean }
  | { work: Work; requestId: string; ledger: Ledger };

/** What a request asks for beside what the server is and does. Under the lock of submissions. */
export async function comparedWith(
  paths: InstancePaths,
  instance: Instance,
  request: JobRequest,
): Promise<Comparison> {
  const marker = await readFileIfThere(paths.needsOperator);
  const open = await openJob(paths);
  // While the way back is tried again, that job is the answer.
  if (marker !== undefined && open === undefined)
    return { answer: refused(needsOperatorText(marker)), isOpen: false };

  const ledger = await Ledger.read(paths);
  const { id: instanceId } = instance;
  // What the server is in the middle of a job says nothing of the request that the job is for.
  if (open !== undefined && open.opened.asked === (await requestDigest(paths, request)))
    return { answer: attachedTo(open, instanceId), isOpen: true };
  const work = await prepareWork(paths, instance, request, ledger);
  if ("answer" in work)
    return open === undefined
      ? { answer: work, isOpen: false }
      : { answer: refused(underWay(open.summary)), isOpen: true };
  // A job that is about to close has its record already; it must not look like an earlier one.
  const after = ledger.records.findLast(({ sequence }) => sequence !== open?.sequence)?.sequence;
  const requestId = await keyedDigest(paths, { wanted: work.wanted, after });
  if (open !== undefined) {
    const isSame = open.opened.requestId === requestId;
    return {
      answer: isSame ? attachedTo(open, instanceId) : refused(underWay(open.summary)),
      isOpen: true,
    };
  }
  if (work.unchanged)
    return {
      answer: { answer: "unchanged", instanceId, ...work.serving, ...work.published },
      isOpen: false,
    };
  return { work, requestId, ledger };
}

/** A digest of what a request says, whoever says it. */
export async function requestDigest(paths: InstancePaths, request: JobRequest): Promise<string> {
  const { requestedBy: _, ...asked } = request;
  return keyedDigest(paths, asked);
}

function attachedTo(
  { sequence, plan }: Job,
  instanceId: string,
): Extract<SubmitAnswer, { answer: "attached" }> {
  const listen = plan.target?.listen;
  return { answer: "attached", sequence, instanceId, ...(listen === undefined ? {} : { listen }) };
}

function refused(...reasons: string[]): Extract<SubmitAnswer, { answer: "refused" }> {
  return { answer: "refused", reasons };
}

/**
 * Starts the unit again until the job was taken up: a start is lost while the unit's last process is
 * just ending (measured).
 */
export async function startUnit(paths: InstancePaths, sequence: number): Promise<void> {
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    for (let look = 0; look < 10; look++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const job = await Job.read(paths, sequence);
      if (job === undefined || job.closed !== undefined || job.attempts > 0) return;
    }
    await armUnit(paths.directory);
  }
}
