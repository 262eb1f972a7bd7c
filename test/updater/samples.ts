/** Values as the updater meets them, small enough to read. */
import { Job, type JobPlan } from "../../updater/job.ts";
import { Ledger } from "../../updater/ledger.ts";
import { instancePaths } from "../../updater/paths.ts";
import { Progress } from "../../updater/progress.ts";
import {
  type AppliedMigration,
  type DatabaseIdentity,
  type LedgerRecord,
  type Migration,
  PROTOCOL,
  type ReleaseIdentity,
  type ServingRecord,
} from "../../updater/protocol.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { appendRecord } from "../../updater/framed-log.ts";
import { FakeDriver } from "./fake-driver.ts";
import { mkdir } from "node:fs/promises";

export const OLD_COMMIT = "a".repeat(40);
export const NEW_COMMIT = "b".repeat(40);
export const DATABASE: DatabaseIdentity = { systemIdentifier: "7001", oid: "16384" };

export function migration(version: number, checksum = String(version % 10)): Migration {
  const file = `${String(version).padStart(3, "0")}_step.sql`;
  return { version, description: "step", file, checksum: checksum.repeat(96).slice(0, 96) };
}

export function applied(...versions: number[]): AppliedMigration[] {
  return versions.map((version) => {
    const { description, checksum } = migration(version);
    return { version, description, checksum };
  });
}

export function release(commit: string, versions: number[] = [1, 2]): ReleaseIdentity {
  const name = commit === OLD_COMMIT ? "v1.0.0" : "v1.1.0";
  return {
    name,
    commit,
    crateVersion: "0.17.0",
    migrations: versions.map((version) => migration(version)),
  };
}

export function servingRecord(commit: string): ServingRecord {
  return {
    releaseDirectory: `releases/${commit.slice(0, 12)}-1`,
    configurationDigest: `digest of ${commit.slice(0, 4)}`,
    image: `chatalot:${commit}`,
    imageId: `sha256:${commit}`,
    composeConfigHash: "c0ffee",
    profiles: ["turn"],
    restartPolicy: "unless-stopped",
    database: DATABASE,
    applied: applied(1, 2),
  };
}

let sequences = 0;

/** A closed job. Sequence numbers rise from call to call unless one is given. */
export function ledgerRecord(values: Partial<LedgerRecord> = {}): LedgerRecord {
  sequences += 1;
  const base: LedgerRecord = {
    sequence: sequences,
    kind: "switch",
    outcome: "done",
    openedAt: "2024-01-01T00:00:00.000Z",
    closedAt: "2024-01-01T00:01:00.000Z",
    requestedBy: "somebody@somewhere",
    release: release(OLD_COMMIT),
    durations: { total: 60_000 },
    ...values,
  };
  const commit = base.release?.commit;
  return base.kind === "switch" && base.outcome === "done" && commit !== undefined
    ? { serving: servingRecord(commit), ...base }
    : base;
}

/** A switch to {@link NEW_COMMIT}. */
export function switchPlan(values: Partial<JobPlan> = {}): JobPlan {
  return {
    kind: "switch",
    instanceId: "instance",
    project: "chat",
    requestedBy: "somebody@somewhere",
    release: release(NEW_COMMIT),
    target: {
      releaseDirectory: `releases/${NEW_COMMIT.slice(0, 12)}-2`,
      configurationDigest: "digest",
      image: `chatalot:${NEW_COMMIT}`,
      profiles: ["turn"],
      listen: { address: "127.0.0.1", port: 8080 },
      gate: { timeout: 60_000, migrationTimeout: 600_000, mustStayGoodFor: 1_000 },
      keepReleases: 3,
      databaseVolume: "chat_postgres_data",
      filesVolume: "chat_file_storage",
    },
    ...values,
  };
}

/** An open job in a folder, with what its steps work with. */
export async function makeContext(
  directory: string,
  plan: JobPlan = switchPlan(),
  records: readonly LedgerRecord[] = [],
): Promise<JobContext & { driver: FakeDriver }> {
  const paths = instancePaths(directory);
  await mkdir(paths.jobs, { recursive: true });
  for (const record of records) await appendRecord(paths.ledger, record);
  const ledger = await Ledger.read(paths);
  const sequence = (ledger.last?.sequence ?? 0) + 1;
  const job = await Job.open(paths, sequence, plan, {
    type: "opened",
    protocol: PROTOCOL,
    sequence,
    kind: plan.kind,
    requestId: "request",
    requestedBy: plan.requestedBy,
    runner: { node: "/usr/bin/node", updater: "/opt/updater.mjs" },
  });
  const progress = new Progress(job.paths.progress);
  return { paths, job, ledger, progress, driver: new FakeDriver() };
}
