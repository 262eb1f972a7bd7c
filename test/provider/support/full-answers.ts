/** An honest answer to each question, with every member that it can have. */
import type { BroughtBackup } from "../../../provider/server/server-backups.ts";
import type { AdoptAnswer, ForgetAnswer, LookAnswer } from "../../../updater/adopt/protocol.ts";
import type { BackupList } from "../../../updater/backup-protocol.ts";
import type { BackupManifest } from "../../../updater/backups.ts";
import type { InstanceHistory } from "../../../updater/history-protocol.ts";
import {
  type FollowLine,
  type LedgerRecord,
  type OpenJob,
  PROTOCOL,
  type ResolveAnswer,
  type ServerState,
  type SubmitAnswer,
} from "../../../updater/protocol.ts";
import type { SetScheduleAnswer } from "../../../updater/schedule/protocol.ts";
import { applied, COMMIT, NEWER, servingRecord } from "./samples.ts";

const AT = "2026-03-01T12:00:00.000Z";
const NAME = "000012-20260301T201500Z";
const sha256 = "c".repeat(64);
const identity = { systemIdentifier: "7", oid: "16384" };
const release = { name: "v1.0.0", commit: COMMIT };
const durations = {
  ...{ total: 9, build: 8, dump: 7, proof: 6, revertPoint: 5, downtime: 4, gate: 3 },
};
const replacement = { way: "backup" as const, name: NAME, at: AT, left: "chatalot_left_3" };

const record: LedgerRecord = servingRecord({
  release: {
    ...release,
    ...{ crateVersion: "0.17.0", webVersion: "0.22.6" },
    migrations: [{ version: 1, description: "users", file: "001_users.sql", checksum: "a" }],
  },
  configurationDigest: sha256,
  from: { name: "v0.9.0", commit: NEWER },
  cause: "it exited\nand said so",
  durations,
  serving: {
    releaseDirectory: "releases/111-3",
    configurationDigest: sha256,
    image: `chatalot-deploy/chatalot:${COMMIT}`,
    imageId: `sha256:${sha256}`,
    composeConfigHash: sha256,
    profiles: ["turn"],
    listen: { address: "::1", port: 8080 },
    restartPolicy: "unless-stopped",
    files: { ".env": sha256 },
    services: { postgres: sha256 },
    database: identity,
    applied,
    found: sha256,
  },
  backup: { name: NAME, size: 9, proof: "restored" },
  checked: [NAME],
  database: identity,
  replacement,
  reopenings: 1,
});

const openJob: OpenJob = {
  ...{ sequence: 4, kind: "switch", requestedBy: "ada@desk", openedAt: AT, step: "J8", release },
};

export const state: ServerState = {
  protocol: PROTOCOL,
  instanceId: "instance-a",
  foreign: ["the file /srv/chatalot/.env"],
  needsOperator: "job 3 failed\n",
  openJob,
  // Two more records of the same form: tried is the one.
  lastClosed: servingRecord(),
  serving: record,
  lastServing: servingRecord(),
  reverted: [
    {
      ...{ sequence: 4, commit: NEWER, configurationDigest: sha256, at: AT, cause: "it died" },
      ...{ databaseBackup: "000002-20260301T201500Z", served: true },
    },
  ],
  prepared: [COMMIT],
  server: {
    ...{ id: sha256, name: "chatalot-server", running: true, status: "running", startedAt: AT },
    ...{ restartCount: 0, restartPolicy: "no", exitCode: -1, outOfMemory: false },
    ...{ imageId: `sha256:${sha256}`, commit: COMMIT, composeConfigHash: sha256 },
    address: "172.18.0.3",
  },
  database: {
    ...{ identity, applied, hasAccounts: true, size: 9, tables: { users: 8 }, name: "chatalot" },
    ...{ copies: ["chatalot_before_3"], obstacle: "its collation changed" },
  },
  databaseIsSilent: true,
  health: {
    ...{ reachable: true, httpStatus: 200, status: "ok", version: "0.17.0" },
    ...{ databaseHealthy: true, uptimeSeconds: 5, problem: "none" },
  },
  backups: { count: 1, newest: { name: NAME, takenAt: AT, size: 9, provenAt: AT } },
  schedule: {
    routines: {
      backup: { calendar: "daily UTC", next: AT, last: { at: AT, outcome: "done", text: "taken" } },
      drill: { calendar: "monthly UTC" },
    },
    ...{ keep: 7, drift: ["a timer is gone"], problems: ["it failed"] },
  },
  alerts: {
    channels: ["webhook", "mail to admin@example.org"],
    lookedAt: AT,
    told: [{ name: "chat", text: "it is away", since: AT }],
    ...{ drift: ["the timer is gone"], problems: ["the webhook says 500"] },
  },
  reach: {
    releases: [release],
    backups: [{ name: NAME, sequence: 12, provenAt: AT, kind: "manual" }],
    revertPoints: ["chatalot_before_3"],
  },
  measured: { build: 5, wayBack: 6 },
  drift: ["postgres is exited"],
  override: { name: "docker-compose.override.yml", changes: "x", ignored: ["y"], problem: "z" },
  usage: { free: 1, trees: 2, releases: 3, images: 4, volumes: { chatalot_postgres_data: 5 } },
};

export const submitted: SubmitAnswer = {
  ...{ answer: "unchanged", instanceId: "instance-a", serving: record },
  listen: { address: "127.0.0.1", port: 8080 },
};

export const refused = { answer: "refused" as const, reasons: ["it is not there"] };

export const verdict: FollowLine = {
  type: "verdict",
  verdict: {
    ...{ sequence: 3, kind: "switch", outcome: "done", instanceId: "instance-a", text: "DONE" },
    ...{ cause: "none", serving: release, durations },
  },
};

export const aborted = { aborted: 3 };

export const predicament = {
  answer: "shown" as const,
  predicament: {
    marker: "job 12 failed",
    directory: "/srv/chatalot",
    job: {
      ...{ sequence: 12, requestedBy: "ada@desk", openedAt: AT, cause: "it exited", step: "R3" },
      ...{ release, previous: { name: "v0.9.0", commit: NEWER } },
      progressFile: "/srv/chatalot/.deploy/jobs/000012/progress.log",
    },
    containers: [{ name: "chatalot-db", state: "exited", commit: COMMIT }],
    database: {
      ...{ name: "chatalot", applied, unknownBefore: applied, revertPoint: "chatalot_before_12" },
      ...{ failed: "chatalot_failed_12", failedIsThere: false },
    },
    backups: [
      {
        dumpFile: `/srv/chatalot/backups/${NAME}`,
        takenAt: AT,
        release: "v1",
        size: 9,
        provenAt: AT,
      },
    ],
  },
} satisfies ResolveAnswer;

const manifest: BackupManifest = {
  ...{ format: 1, sequence: 12, kind: "manual", instanceId: "instance-a", takenAt: AT, release },
  databaseSize: 9,
  dump: {
    ...{ sha256, size: 9, postgresVersion: "17.5" },
    content: {
      applied: [{ version: 1, description: "users", checksum: "aa" }],
      rows: { users: 3 },
    },
  },
  files: { count: 1, size: 2, listSize: 3, listSha256: sha256 },
  proof: { restoredAt: AT },
  damage: { foundAt: AT, what: "it is short" },
};

export const backups: BackupList = {
  ...{ protocol: PROTOCOL, backups: [{ name: NAME, manifest }], openJob },
};

export const brought: BroughtBackup = { name: NAME, manifest };

export const room = { refusals: ["too little disk space: 1 MB free on /srv"] };

export const foreseenTimers = { refusals: ["it is not mounted"], isSet: true };

export const schedule: SetScheduleAnswer = { answer: "set", next: { backup: AT, drill: AT } };

export const history: InstanceHistory = {
  protocol: PROTOCOL,
  jobs: [2, 3].map((sequence) => ({
    ...{ sequence, kind: "switch", outcome: "done", openedAt: AT, closedAt: AT },
    ...{ requestedBy: "ada@desk", from: release, cause: "none\nmore", durations, replacement },
    backup: { name: NAME, size: 9, proof: "restored" },
    release: sequence === 3 ? release : { name: "v0.9.0", commit: NEWER },
    ...{ migrations: ["001 users"], profiles: ["turn"] },
  })),
  serving: 3,
  openJob,
  waysBack: [
    {
      release: { name: "v0.9.0", commit: NEWER },
      prepared: { name: "v0.9.0", commit: NEWER, migrations: [] },
      ...{ missing: ["002 more"], pending: ["003 others"] },
      databases: [{ way: "backup", name: NAME, sequence: 2, at: AT, size: 9, pending: [3] }],
    },
  ],
  loss: { name: NAME, at: AT, rows: { "public.users": -3 }, uploads: 2 },
};

export const found = {
  answer: "found" as const,
  chat: {
    ...{ directory: "/opt/chatalot", commit: COMMIT, listen: { address: "0.0.0.0", port: 8080 } },
    ...{ variables: { DB_PASSWORD: "x" }, effective: ["DB_PASSWORD"], services: ["turn"] },
  },
} satisfies LookAnswer;

export const adopted = {
  ...{ answer: "adopted" as const, instanceId: "instance-a", differences: ["its port"] },
  renamed: ["compose.yaml"],
} satisfies AdoptAnswer;

export const forgotten = {
  ...{
    answer: "forgotten" as const,
    kept: "/srv/chatalot/.deploy-old",
    restored: ["compose.yaml"],
  },
} satisfies ForgetAnswer;
