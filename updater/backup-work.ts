/** What a request about backups asks of a job, and what of it is refused before there is one. */
import { listBackups } from "./backups.ts";
import type { JobPlan } from "./job.ts";
import type { Ledger } from "./ledger.ts";
import type { InstancePaths } from "./paths.ts";
import type { BackupRequest, CheckBackupsRequest, SubmitAnswer } from "./protocol.ts";
import type { Work } from "./work.ts";

type Refused = Extract<SubmitAnswer, { answer: "refused" }>;

/**
 * A second request is the same one as long as the first one's job is open.
 *
 * @param base what the plan of every job has
 */
export async function backupWork(
  paths: InstancePaths,
  request: BackupRequest | CheckBackupsRequest,
  base: JobPlan,
  ledger: Pick<Ledger, "serving" | "lastServing">,
): Promise<Work | Refused> {
  const common = {
    unchanged: false,
    serving: ledger.serving === undefined ? {} : { serving: ledger.serving },
  };
  if (request.kind === "backup") {
    if (ledger.lastServing === undefined)
      return refused("There is nothing to back up: no release has served here yet.");
    return {
      ...common,
      wanted: { kind: request.kind, files: request.files === true },
      plan: async () => ({
        ...base,
        ...(request.scheduled === true ? { scheduled: true } : {}),
        ...(request.files === true ? { files: true } : {}),
      }),
    };
  }
  const there = (await listBackups(paths)).map(({ name }) => name);
  const backups = request.backups ?? there;
  const missing = backups.filter((name) => !there.includes(name));
  if (missing.length > 0) return refused(noBackup(paths, missing));
  if (backups.length === 0) return refused(`There is no backup yet in ${paths.backups}.`);
  return {
    ...common,
    wanted: { kind: request.kind, backups },
    plan: async () => ({ ...base, backups: [...backups] }),
  };
}

/** Why a name is refused that no backup has. */
export function noBackup({ backups }: Pick<InstancePaths, "backups">, names: string[]): string {
  return (
    `There is no backup ${names.join(", ")} in ${backups} on the server. See which there are: ` +
    "npx chatalot backup list"
  );
}

function refused(reason: string): Refused {
  return { answer: "refused", reasons: [reason] };
}
