/** The end of a job: its record in the ledger, then the journal's last record with the verdict. */
import { messageOf } from "../common/errors.ts";
import { removePartialBackups } from "./backups.ts";
import { backupVerdict } from "./backup-texts.ts";
import { withRoom } from "./disk-full.ts";
import { awayText, downtimeOf } from "./downtime.ts";
import { removeDurably } from "./files.ts";
import { hookRunsOf, runHookAtEnd } from "./hooks/hooks.ts";
import type { Job } from "./job.ts";
import { Ledger } from "./ledger.ts";
import type { Durations, LedgerRecord, Outcome, ServingRecord, Verdict } from "./protocol.ts";
import { backupOf } from "./steps/backup.ts";
import { sweep } from "./steps/clean.ts";
import { letGoOfImages } from "./steps/other-images.ts";
import { replacementBy } from "./steps/replace-database.ts";
import { databaseAfterRevert } from "./steps/revert-point.ts";
import { sweepData } from "./steps/sweep-data.ts";
import type { JobContext } from "./steps/step.ts";
import { upgradeBy } from "./steps/upgrade.ts";
import { isAboutBackups, replacementName } from "./texts.ts";
import { describeRelease } from "./steps/switch.ts";

/** R5, and the end of J11. Safe to repeat: the ledger takes one record for each job. */
export async function closeJob(
  context: JobContext,
  outcome: Outcome,
  { serving, note }: { serving?: ServingRecord; note?: string } = {},
): Promise<void> {
  const { job, paths, ledger, progress } = context;
  const { release, previous, requestedBy, kind, target } = job.plan;
  await runHookAtEnd(context, outcome);
  const hooks = hookRunsOf(job);
  // Its record stands, also where it was killed behind it.
  const ended = ledger.of(job.sequence, job.reopenings);
  const cause = ended === undefined ? await causeOf(context, note) : ended.cause;
  const durations = durationsOf(job);
  const taken = backupOf(job);
  const backup =
    taken === undefined ? undefined : { name: taken.name, size: taken.size, proof: taken.proof };
  const database = databaseAfterRevert(job);
  const replacement = outcome === "done" ? replacementBy(job) : undefined;
  const upgrade = outcome === "done" ? upgradeBy(job) : undefined;
  const record: LedgerRecord = {
    sequence: job.sequence,
    kind,
    outcome,
    openedAt: job.opened.at,
    closedAt: new Date().toISOString(),
    requestedBy,
    ...(release === undefined ? {} : { release }),
    ...(target === undefined ? {} : { configurationDigest: target.configurationDigest }),
    ...(target?.databaseBackup === undefined ? {} : { databaseBackup: target.databaseBackup }),
    ...(previous?.release === undefined
      ? {}
      : { from: { name: previous.release.name, commit: previous.release.commit } }),
    ...(cause === undefined ? {} : { cause }),
    durations,
    ...(serving === undefined ? {} : { serving }),
    ...(backup === undefined ? {} : { backup }),
    ...(job.plan.backups === undefined ? {} : { checked: job.plan.backups }),
    ...(database === undefined ? {} : { database }),
    ...(replacement === undefined ? {} : { replacement }),
    ...(upgrade === undefined ? {} : { upgrade }),
    ...(hooks.length === 0 ? {} : { hooks }),
    ...(job.reopenings === 0 ? {} : { reopenings: job.reopenings }),
  };
  await ledger.append(record);
  if (job.plan.kind === "switch") {
    await letGoOfImages(context, outcome);
    const current = { ...context, ledger: await Ledger.read(paths) };
    // Otherwise there is nothing new that something older would have to make room for.
    if (job.hasBegun("J4") && outcome !== "needs-operator") await sweepData(current);
    if (outcome === "done") await sweep(current);
  }
  const last = outcome === "done" ? "J11" : "R5";
  // Their disk may be what failed, and a job that can't be closed would keep all others out.
  if (isAboutBackups(kind))
    await removePartialBackups(paths).catch((error: unknown) =>
      progress.tell(last, `not everything half written could be removed: ${messageOf(error)}`),
    );
  // Its memory is not given back by itself where the job was stopped in the middle of a proof.
  if (job.hasBegun("J5") && !job.isDone("J5"))
    await context.driver.databaseTools.endProof().catch(() => undefined);
  // Put there by an earlier end of this job; no other one was accepted since.
  if (job.reopenings > 0 && outcome !== "needs-operator") await removeDurably(paths.needsOperator);
  const verdict = verdictOf(job, outcome, durations, cause);
  progress.tell(last, verdict.text);
  await progress.flushed();
  await job.record({ type: "closed", verdict });
}

/** Why it did not end as asked, with why it could not go back; undefined where it did. */
async function causeOf(context: JobContext, note: string | undefined): Promise<string | undefined> {
  const { committed, failed } = context.job;
  if (committed !== undefined || failed === undefined) return undefined;
  return withRoom(context, failed.cause + (note === undefined ? "" : `\nGoing back: ${note}`));
}

/** What is known so far of how long things took. */
export function durationsOf(job: Job): Durations {
  const build = job.factsOf("J3")?.milliseconds;
  const downtime = downtimeOf(job, "R3") ?? downtimeOf(job, "J9");
  const gate = job.millisecondsOf("J9");
  const hasBackup = backupOf(job) !== undefined;
  const revertPoint = job.factsOf("J7")?.name === undefined ? undefined : job.millisecondsOf("J7");
  return {
    total: Math.max(0, Date.now() - Date.parse(job.opened.at)),
    ...(typeof build === "number" ? { build } : {}),
    ...(hasBackup
      ? { dump: job.millisecondsOf("J4") ?? 0, proof: job.millisecondsOf("J5") ?? 0 }
      : {}),
    ...(revertPoint === undefined ? {} : { revertPoint }),
    ...(downtime === undefined ? {} : { downtime }),
    ...(gate === undefined ? {} : { gate }),
  };
}

function verdictOf(
  job: Job,
  outcome: Outcome,
  durations: Durations,
  cause: string | undefined,
): Verdict {
  const { plan } = job;
  const serves =
    outcome === "done" && plan.kind === "switch"
      ? plan.release
      : plan.kind === "remove" || outcome === "stopped" || outcome === "needs-operator"
        ? undefined
        : plan.previous?.release;
  const hooks = hookRunsOf(job);
  return {
    sequence: job.sequence,
    kind: plan.kind,
    outcome,
    instanceId: plan.instanceId,
    text: verdictText(job, outcome, durations, cause ?? "unknown"),
    ...(cause === undefined ? {} : { cause }),
    ...(serves === undefined ? {} : { serving: { name: serves.name, commit: serves.commit } }),
    durations,
    ...(hooks.length === 0 ? {} : { hooks }),
  };
}

/** The result line. Its first word is the outcome; only "done" is ever worded as a success. */
function verdictText(job: Job, outcome: Outcome, durations: Durations, cause: string): string {
  const { plan } = job;
  if (isAboutBackups(plan.kind)) return backupVerdict(job, outcome, cause);
  const wanted = describeRelease(plan.release);
  const before = describeRelease(plan.previous?.release);
  const away = awayText(durations.downtime);
  const again = `Choose another release, or try this one once more: pulumi config set retry ${job.sequence}`;
  switch (outcome) {
    case "done":
      if (plan.kind === "remove")
        return "REMOVED The containers are gone; volumes and releases stay.";
      if (plan.kind === "prepare") return `READY ${wanted} is on the server; nothing was stopped.`;
      return `DONE ${wanted} is serving.${away}${replacementText(job)}${upgradeText(job)}${backupText(job)}`;
    case "untouched":
      return `UNTOUCHED ${wanted} was not ${plan.kind === "prepare" ? "prepared" : "started"}; ${
        plan.previous === undefined ? "nothing serves yet" : `${before} serves as before`
      }. Cause: ${cause}`;
    case "reverted":
      return `REVERTED ${before} serves again, healthy.${away}${databaseText(job)} Cause: ${wanted}: ${cause}\n${again}`;
    case "stopped":
      return `STOPPED ${wanted} did not become healthy, and nothing served before it. Cause: ${cause}\n${again}`;
    case "failed":
      return `FAILED The containers could not all be removed. Cause: ${cause}`;
    case "needs-operator":
      return (
        `NEEDS YOU ${wanted} failed and ${before} could not be started again; nothing was deleted. ` +
        `Cause: ${cause}\nLook: docker logs chatalot-server, ${job.paths.progress}. The ways out, with what the ` +
        "server has: npx chatalot resolve"
      );
  }
}

/** "Backup 000012-20240101T000000Z proven." for the result line. */
function backupText(job: Job): string {
  const backup = backupOf(job);
  if (backup === undefined) return "";
  return ` Backup ${backup.name} ${backup.proof === "restored" ? "proven" : "written and read back"}.`;
}

/** What the rollback's database is, and where everything is that was written since. */
function replacementText(job: Job): string {
  const replacement = replacementBy(job);
  if (replacement === undefined) return "";
  return ` Its database is ${replacementName(replacement)}; the one until now is kept as ${replacement.left}.`;
}

/** What the upgrade left, for the operator to remove some day. */
function upgradeText(job: Job): string {
  const upgrade = upgradeBy(job);
  if (upgrade === undefined) return "";
  const { from, to, left } = upgrade;
  return ` Its database is of PostgreSQL ${to}; the one of PostgreSQL ${from} is kept in the volume ${left}.`;
}

function databaseText(job: Job): string {
  const failed = job.factsOf("R2")?.failedDatabase;
  if (typeof failed !== "string") return "";
  return ` Its database is as it was when it stopped; the failed one is kept as ${failed}.`;
}
