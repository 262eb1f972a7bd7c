/** What a preview reads of a server. */
import type { AlertState } from "../alerts/protocol.ts";
import type { OpenJob } from "./answers.ts";
import type { DatabaseFacts } from "./database.ts";
import type { HookFiles } from "./hooks.ts";
import type { ScheduleState } from "../schedule/protocol.ts";
import type { LedgerRecord } from "./records.ts";

/** A container as the server has it. */
export interface ContainerFacts {
  id: string;
  name: string;
  running: boolean;
  status: string;
  startedAt: string;
  restartCount: number;
  restartPolicy: string;
  exitCode: number;
  outOfMemory: boolean;
  imageId: string;
  commit?: string;
  composeConfigHash?: string;
  /** An address inside the server's networks, where it has one. */
  address?: string;
}

/** What /api/health said. */
export interface HealthAnswer {
  reachable: boolean;
  httpStatus?: number;
  status?: string;
  version?: string;
  databaseHealthy?: boolean;
  uptimeSeconds?: number;
  /** Why there is no usable answer. */
  problem?: string;
}

/** A switch that did not end as asked. */
export interface RevertedSwitch {
  sequence: number;
  commit: string;
  configurationDigest?: string;
  /** The backup that was to become the database. */
  databaseBackup?: string;
  at: string;
  cause: string;
  /** The commit served well before, with other settings or other data. */
  served?: true;
}

/** Everything a preview needs to know of a server, read at once and without changing anything. */
export interface ServerState {
  protocol: number;
  instanceId?: string;
  /** Things found on a server without a ledger that a deployment would write over. */
  foreign: string[];
  needsOperator?: string;
  openJob?: OpenJob;
  lastClosed?: LedgerRecord;
  serving?: LedgerRecord;
  /** The newest committed switch, also when its containers were removed since. */
  lastServing?: LedgerRecord;
  /** The last switch to each commit that ended in a revert and was not repeated since. */
  reverted: RevertedSwitch[];
  /** Commits whose tree and image are ready to be switched to. */
  prepared: string[];
  server?: ContainerFacts;
  /** Absent while it does not answer. */
  database?: DatabaseFacts;
  /** Its container runs all the same. Absent: it answers, is stopped, or an older version says nothing of it. */
  databaseIsSilent?: true;
  health?: HealthAnswer;
  /** The backups that are there; absent in answers of an older version. */
  backups?: {
    count: number;
    newest?: { name: string; takenAt: string; size: number; provenAt?: string };
  };
  /** What is done by the clock; absent where nothing is, and in answers of an older version. */
  schedule?: ScheduleState;
  /** The alerts that it sends; absent where it sends none, and in answers of an older version. */
  alerts?: AlertState;
  /** What can be gone back to; absent in answers of an older version. */
  reach?: Reach;
  /** How long things took here last; absent in answers of an older version. */
  measured?: Measured;
  /** How the server differs from what its ledger says, in words. */
  drift: string[];
  /** The operator's override as it is now. */
  override?: OverrideFacts;
  /** Programs around updates; absent: there are none, or an older version answers. */
  hooks?: HookFiles;
  /** Volumes that upgrades of the database left, as long as they are there. Absent: none. */
  keptVolumes?: KeptVolume[];
  /** What is used of the server's disk: only where it was asked for. */
  usage?: DiskUsage;
}

/** In milliseconds; absent: it never happened here. */
export interface Measured {
  /** Of images on the server. */
  build?: number;
  /** How long the chat was away in an update that was taken back. */
  wayBack?: number;
  /** Of a backup that was restored to prove it: the dump, and the restore. */
  dump?: number;
  proof?: number;
}

/** A volume with the database as it was before it was brought to another major version. */
export interface KeptVolume {
  volume: string;
  /** Of the PostgreSQL that reads it. */
  major: number;
  /** The job that left it, and when. */
  sequence: number;
  at: string;
}

/** A release that served, or served once. */
export interface NamedCommit {
  name: string;
  commit: string;
}

/** A backup in a list. */
export interface BackupSummary {
  name: string;
  /** The job that took it. */
  sequence: number;
  /** When it was restored to prove it; absent where it was not. */
  provenAt?: string;
  /** Absent, as from an older version: `update`. */
  kind?: BackupKind;
}

/**
 * Why a backup was taken: before an update, which removes it some updates later; by the clock, which removes
 * it some backups later; or by a person's hand.
 */
export type BackupKind = "update" | "manual" | "scheduled";

/** What an instance can go back to. */
export interface Reach {
  /** The releases that served and are still on the server, the newest first. */
  releases: NamedCommit[];
  /** The oldest first. */
  backups: BackupSummary[];
  /** Copies of the database from before a migration, the newest first. */
  revertPoints: string[];
}

/** The operator's override, for the preview. */
export interface OverrideFacts {
  name: string;
  /** What it changes, short: `chatalot ports, labels (4)`. */
  changes: string;
  /** Further override files, which Compose leaves out. */
  ignored: string[];
  /** Why Compose refuses it. */
  problem?: string;
}

/** Sizes in bytes. Absent: it could not be measured. */
export interface DiskUsage {
  /** What is free where the directory is. */
  free?: number;
  trees?: number;
  releases?: number;
  /** The images of this instance's releases; layers that they share are counted for each. */
  images?: number;
  /** By the volume's name. */
  volumes: Record<string, number>;
}
