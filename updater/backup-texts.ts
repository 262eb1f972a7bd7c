/** The result lines of jobs that take or check backups. */
import { describeBytes } from "../common/size.ts";
import { counted } from "../common/text.ts";
import type { Job } from "./job.ts";
import type { Outcome } from "./protocol.ts";
import { backupOf } from "./steps/backup.ts";
import { checkedBackups } from "./steps/check-backups.ts";

/** For such a job only. The first word is the outcome. */
export function backupVerdict(job: Job, outcome: Outcome, cause: string): string {
  const { kind } = job.plan;
  if (outcome === "done")
    return kind === "backup" ? takenText(job) : checkedText(checkedBackups(job));
  if (kind !== "backup") return `FAILED ${cause}\nWhat serves was not touched.`;
  const written = job.factsOf("J4")?.name;
  return (
    `FAILED ${typeof written === "string" ? `The backup ${written} was written and is not proven` : "No backup was taken"}; ` +
    `what serves was not touched. Cause: ${cause}`
  );
}

function takenText(job: Job): string {
  const backup = backupOf(job);
  if (backup === undefined) throw new Error(`job ${job.sequence} took no backup`);
  const { name, size, files } = backup;
  const others =
    files === undefined
      ? ""
      : ` with ${counted(files.count, "file")} of ${describeBytes(files.size)}`;
  return `TAKEN Backup ${name}, ${describeBytes(size)}${others}, proven by a restore; nothing was stopped.`;
}

function checkedText(names: readonly string[]): string {
  const verb = names.length === 1 ? "was" : "were each";
  return `CHECKED ${counted(names.length, "backup")} ${verb} restored and compared, and ${
    names.length === 1 ? "has" : "have"
  } all that was dumped: ${names.join(", ")}.`;
}
