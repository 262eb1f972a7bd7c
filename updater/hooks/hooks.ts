/**
 * The server's hooks in a job: programs of its operator's, around each change of a chat that serves. A job
 * begins each of them once at the most; one that was interrupted counts as failed.
 */
import { messageOf } from "../../common/errors.ts";
import type { Job } from "../job.ts";
import { plainText } from "../../common/text.ts";
import type { HookName, HookRun, Outcome } from "../protocol.ts";
import { backupOf } from "../steps/backup.ts";
import type { JobContext } from "../steps/step.ts";
import { hookPath, obstacleOf, readHookFiles } from "./files.ts";
import { runHookProcess } from "./process.ts";

/** How long a hook may take where nothing was set, in milliseconds. */
const TIME_LIMIT = 5 * 60_000;

/** The last step before the service is touched. */
export const BEFORE_UPDATE = "J5b";

/** Where the others show in the progress. */
const STEPS = {
  "before-update": BEFORE_UPDATE,
  "after-update": "J11a",
  "on-failure": "R4a",
} as const;

/** What systemd gives a program of root's, whatever the updater was started with. */
const ENVIRONMENT = {
  HOME: "/root",
  LC_ALL: "C.UTF-8",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

const MAXIMUM_CAUSE = 400;

/**
 * J1: what can't be run stops the update now, and not when it is half done.
 *
 * @returns those that are there; a first deployment has none, since nothing is updated by it
 */
export async function checkHooks({ paths, job }: Pick<JobContext, "paths" | "job">) {
  if (!hasHooks(job)) return [];
  const interrupted = runsSince(job, 0).find(({ hook }) => hook === "before-update");
  if (interrupted?.problem !== undefined) throw failure(paths, interrupted.problem);
  const { names, problems } = (await readHookFiles(paths)) ?? { names: [], problems: [] };
  if (problems.length > 0) throw new Error(problems.join("; "));
  return names;
}

/** Those that J1 has found. */
export function hooksOfCheck(job: Job): HookName[] {
  return (job.factsOf("J1")?.hooks as HookName[] | undefined) ?? [];
}

/** J5b: a failure stops the update before anything is touched. */
export async function runBeforeUpdate(context: JobContext): Promise<void> {
  const { paths } = context;
  const run = await runHook(context, "before-update", "");
  // It was there in J1, and the operator counts on it.
  const problem = run === undefined ? `${hookPath(paths, "before-update")} is gone` : run.problem;
  if (problem !== undefined) throw failure(paths, problem);
}

/**
 * The hook that belongs to the end of a job: before the ledger has it, so that the record tells how the hook
 * went. It never changes the outcome.
 */
export async function runHookAtEnd(context: JobContext, outcome: Outcome): Promise<void> {
  const { job, progress } = context;
  const hook = hookAtEnd(job, outcome);
  if (hook === undefined) return;
  const problem = await runHook(context, hook, outcome).then((run) => run?.problem, messageOf);
  if (problem !== undefined)
    progress.tell(STEPS[hook], `WARNING the hook ${hook} failed: ${problem.split("\n")[0]}`);
}

function hookAtEnd(job: Job, outcome: Outcome): HookName | undefined {
  if (!hasHooks(job)) return undefined;
  if (outcome === "done") return "after-update";
  if (outcome === "reverted" || outcome === "needs-operator") return "on-failure";
  // What before-update has begun, such as a notice to users, has to end as well.
  return outcome === "untouched" && job.hasBegun(BEFORE_UPDATE) ? "on-failure" : undefined;
}

/** A first deployment is no update, and what touches nothing that serves has no hooks either. */
function hasHooks({ plan }: Job): boolean {
  return plan.kind === "switch" && plan.previous !== undefined;
}

/** The hooks that were begun, since a person had the way back tried once more, if so. */
export function hookRunsOf(job: Job): HookRun[] {
  return runsSince(job, job.records.findLastIndex(({ type }) => type === "reopened") + 1);
}

function runsSince({ records }: Job, first: number): HookRun[] {
  const since = records.slice(first);
  return since.flatMap((begun) => {
    if (begun.type !== "hook-begun") return [];
    const { hook } = begun;
    const ended = since.find((record) => record.type === "hook-ended" && record.hook === hook);
    if (ended?.type !== "hook-ended")
      return [{ hook, milliseconds: 0, problem: "it was interrupted, and is not run twice" }];
    const milliseconds = Math.max(0, Date.parse(ended.at) - Date.parse(begun.at));
    return [
      { hook, milliseconds, ...(ended.problem === undefined ? {} : { problem: ended.problem }) },
    ];
  });
}

/**
 * @param result how the job ends; empty while that is not decided
 * @returns undefined where there is no such hook
 */
async function runHook(
  context: JobContext,
  hook: HookName,
  result: Outcome | "",
): Promise<HookRun | undefined> {
  const { paths, job, progress } = context;
  const earlier = hookRunsOf(job).find((run) => run.hook === hook);
  if (earlier !== undefined) return earlier;
  const obstacle = await obstacleOf(paths, hook);
  if (obstacle === "missing") return undefined;
  const step = STEPS[hook];
  if (hook !== "before-update") progress.tell(step, `run the hook ${hook}`);
  await job.record({ type: "hook-begun", hook });
  const problem =
    obstacle ??
    (await runHookProcess({
      argv: [hookPath(paths, hook)],
      environment: { ...ENVIRONMENT, ...factsFor(context, hook, result) },
      directory: paths.directory,
      timeLimit: job.plan.target?.hookTimeLimit ?? TIME_LIMIT,
      onLine: (line) => progress.detail(step, `${hook}: ${line}`),
    }));
  await job.record({ type: "hook-ended", hook, ...(problem === undefined ? {} : { problem }) });
  return hookRunsOf(job).find((run) => run.hook === hook);
}

/** What a hook is told: facts of the job's plan and journal, none of which is secret. */
function factsFor({ paths, job }: JobContext, hook: HookName, result: Outcome | "") {
  const { previous, release, requestedBy, project } = job.plan;
  const cause = job.committed === undefined ? (job.failed?.cause ?? "") : "";
  return {
    CHATALOT_HOOK: hook,
    CHATALOT_STEP: hook === "on-failure" ? (job.failed?.step ?? job.step) : STEPS[hook],
    CHATALOT_JOB: String(job.sequence),
    CHATALOT_RESULT: result,
    CHATALOT_CAUSE: plainText(cause.split("\n")[0] ?? "").slice(0, MAXIMUM_CAUSE),
    CHATALOT_FROM_RELEASE: previous?.release?.name ?? "",
    CHATALOT_FROM_COMMIT: previous?.release?.commit ?? "",
    CHATALOT_TO_RELEASE: release?.name ?? "",
    CHATALOT_TO_COMMIT: release?.commit ?? "",
    CHATALOT_BACKUP: backupOf(job)?.name ?? "",
    CHATALOT_REQUESTED_BY: plainText(requestedBy),
    CHATALOT_PROJECT: project,
    CHATALOT_DIRECTORY: paths.directory,
  };
}

function failure(paths: JobContext["paths"], problem: string): Error {
  return new Error(
    `the hook before-update did not let it pass: ${problem}\n` +
      `Mend what it says, or ${hookPath(paths, "before-update")} itself, then run pulumi up again`,
  );
}
