/**
 * A job: its folder, its plan and its journal. The journal alone decides what a job that was
 * interrupted does next; nothing is derived from the state of containers.
 */
import { readdir } from "node:fs/promises";
import { readFile } from "node:fs/promises";
import { appendRecord, readRecords } from "./framed-log.ts";
import { makeDirectoryDurably, writeFileDurably } from "./files.ts";
import { withReserve } from "./instance.ts";
import { type InstancePaths, type JobPaths, jobPaths } from "./paths.ts";
import type {
  DatabaseWay,
  GateLimits,
  HookName,
  ImageOrder,
  JobKind,
  LedgerRecord,
  OpenJob,
  PlacedDatabase,
  ReleaseIdentity,
  ServingRecord,
  UndoScript,
  Verdict,
} from "./protocol.ts";

/** What a job is to do: the request without its secrets, and what was found when it was accepted. */
export interface JobPlan {
  kind: JobKind;
  instanceId: string;
  project: string;
  requestedBy: string;
  release?: ReleaseIdentity;
  archive?: { sha256: string; size: number };
  /** Absent: built without limits. */
  images?: ImageOrder;
  /** Set for a switch. */
  target?: {
    releaseDirectory: string;
    configurationDigest: string;
    image: string;
    profiles: string[];
    listen: { address: string; port: number };
    gate: GateLimits;
    keepReleases: number;
    /** Absent in jobs of an older version. */
    keepBackups?: number;
    keepRevertPoints?: number;
    databaseVolume: string;
    /** What the database runs from where the release doesn't say it. */
    postgres?: PlacedDatabase;
    /** Whether its data have to be brought into the volume of `postgres` first, which is a new one. */
    isUpgrade?: boolean;
    filesVolume: string;
    /** What takes the live database's place; absent: nothing does. */
    databaseWay?: DatabaseWay;
    /** For a backup: its name; absent: the newest one that fits. */
    databaseBackup?: string;
    undoScripts?: UndoScript[];
    /** How long each hook may take, in milliseconds. Absent: the default of this version. */
    hookTimeLimit?: number;
  };
  /** For a backup: the clock asked for it. */
  scheduled?: boolean;
  /** For a backup: it is to have the uploads, the configuration and the keys as well. */
  files?: boolean;
  /** For a check: the names of the backups. */
  backups?: string[];
  /** The release that serves, as the ledger has it. */
  previous?: LedgerRecord;
}

/** The programs that run a job: recovery uses the same ones, whatever is uploaded meanwhile. */
export interface Runner {
  node: string;
  updater: string;
}

export type JournalRecord =
  | {
      type: "opened";
      at: string;
      protocol: number;
      sequence: number;
      kind: JobKind;
      requestId: string;
      /** The digest of the request itself. Absent in jobs of an older version. */
      asked?: string;
      requestedBy: string;
      runner: Runner;
    }
  | { type: "attempt"; at: string; boot: string }
  | { type: "begun"; at: string; step: string }
  | { type: "done"; at: string; step: string; facts?: Record<string, unknown> }
  /** A hook was begun: it is not begun a second time by the same job, whatever became of it. */
  | { type: "hook-begun"; at: string; hook: HookName }
  /** It has ended; the problem is why it failed. */
  | { type: "hook-ended"; at: string; hook: HookName; problem?: string }
  /** R1, and the same for a job that stops before it touched anything. */
  | { type: "failed"; at: string; step: string; cause: string }
  /** J10: the only point of no return. */
  | { type: "committed"; at: string; serving: ServingRecord; durations: Verdict["durations"] }
  | { type: "closed"; at: string; verdict: Verdict }
  /** A person had the way back of a job that needed them tried once more. */
  | { type: "reopened"; at: string; requestedBy: string; runner: Runner };

type Stamped<T> = T extends unknown ? Omit<T, "at"> : never;
type RecordOf<Type extends JournalRecord["type"]> = Extract<JournalRecord, { type: Type }>;

export class Job {
  private constructor(
    readonly sequence: number,
    readonly paths: JobPaths,
    readonly plan: JobPlan,
    readonly records: JournalRecord[],
    private readonly reserve: Pick<InstancePaths, "reserve">,
  ) {}

  /** Makes the job's folder and plan, then the record that opens it (J0). */
  static async open(
    paths: InstancePaths,
    sequence: number,
    plan: JobPlan,
    opened: Stamped<RecordOf<"opened">>,
  ): Promise<Job> {
    const places = jobPaths(paths, sequence);
    await makeDirectoryDurably(places.directory);
    await writeFileDurably(places.request, JSON.stringify(plan));
    const job = new Job(sequence, places, plan, [], paths);
    await job.record(opened);
    return job;
  }

  static async read(paths: InstancePaths, sequence: number): Promise<Job | undefined> {
    const places = jobPaths(paths, sequence);
    const records = await readRecords<JournalRecord>(places.journal);
    // A folder without a first record is a request that was never accepted.
    if (records[0]?.type !== "opened") return undefined;
    const plan = JSON.parse(await readFile(places.request, "utf8")) as JobPlan;
    return new Job(sequence, places, plan, records, paths);
  }

  async record(record: Stamped<JournalRecord>): Promise<void> {
    const stamped = { ...record, at: new Date().toISOString() };
    const append = (): Promise<void> => appendRecord(this.paths.journal, stamped);
    // On a full disk a step forward is given up; the reserve is for what has to be recorded.
    const isStep = record.type === "begun" || record.type === "done";
    const isForward = isStep && this.failed === undefined && this.committed === undefined;
    await (isForward ? append() : withReserve(this.reserve, append));
    this.records.push(stamped);
  }

  get opened(): RecordOf<"opened"> {
    return this.first("opened") as RecordOf<"opened">;
  }

  get committed(): RecordOf<"committed"> | undefined {
    return this.first("committed");
  }

  get failed(): RecordOf<"failed"> | undefined {
    return this.first("failed");
  }

  get closed(): RecordOf<"closed"> | undefined {
    const last = this.records.findLast(({ type }) => type === "closed" || type === "reopened");
    return last?.type === "closed" ? last : undefined;
  }

  /** How often its way back was asked for again. */
  get reopenings(): number {
    return this.records.filter(({ type }) => type === "reopened").length;
  }

  /** How often the job was taken up since its phase last changed. */
  get attempts(): number {
    return this.attemptsSince(changesPhase);
  }

  /**
   * How often it was taken up since a step of the way back was last done. Such a step is not done twice, so
   * that a way back of which each attempt does one comes to its end.
   */
  get attemptsWithoutProgress(): number {
    return this.attemptsSince((record) => changesPhase(record) || record.type === "done");
  }

  private attemptsSince(marks: (record: JournalRecord) => boolean): number {
    const last = this.records.findLastIndex(marks);
    return this.records.slice(last + 1).filter(({ type }) => type === "attempt").length;
  }

  /** What others are told of it while it is open. */
  get summary(): OpenJob {
    const { kind, requestedBy, release } = this.plan;
    return {
      sequence: this.sequence,
      kind,
      requestedBy,
      openedAt: this.opened.at,
      step: this.step,
      ...(release === undefined ? {} : { release: { name: release.name, commit: release.commit } }),
    };
  }

  /** The step that was begun last. */
  get step(): string {
    const begun = this.records.findLast((record) => record.type === "begun");
    return begun?.type === "begun" ? begun.step : "J0";
  }

  hasBegun(step: string): boolean {
    return this.records.some((record) => record.type === "begun" && record.step === step);
  }

  /**
   * Whether a step need not be run again. A way back that is walked anew is walked whole: what had been
   * stopped then may have been started by hand since.
   */
  isDone(step: string): boolean {
    const begin = this.records.findLastIndex(({ type }) => type === "reopened");
    return this.records
      .slice(begin + 1)
      .some((record) => record.type === "done" && record.step === step);
  }

  /** When a step was begun last, in milliseconds since the epoch. */
  begunAt(step: string): number | undefined {
    const begun = this.records.findLast(
      (record) => record.type === "begun" && record.step === step,
    );
    return begun === undefined ? undefined : Date.parse(begun.at);
  }

  /** What a finished step left for later ones. */
  factsOf(step: string): Record<string, unknown> | undefined {
    const done = this.records.findLast((record) => record.type === "done" && record.step === step);
    return done?.type === "done" ? (done.facts ?? {}) : undefined;
  }

  /** How long a finished step took, by the journal's times. */
  millisecondsOf(step: string): number | undefined {
    const begun = this.records.findLast(
      (record) => record.type === "begun" && record.step === step,
    );
    const done = this.records.findLast((record) => record.type === "done" && record.step === step);
    if (begun === undefined || done === undefined) return undefined;
    return Math.max(0, Date.parse(done.at) - Date.parse(begun.at));
  }

  private first<Type extends JournalRecord["type"]>(type: Type): RecordOf<Type> | undefined {
    return this.records.find((record): record is RecordOf<Type> => record.type === type);
  }
}

function changesPhase({ type }: JournalRecord): boolean {
  return type === "failed" || type === "committed" || type === "reopened";
}

/** All sequence numbers that have a folder, in order. */
export async function jobSequences(paths: InstancePaths): Promise<number[]> {
  let names: string[];
  try {
    names = await readdir(paths.jobs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return names
    .filter((name) => /^\d{6,}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** The job that has not ended. There is at most one: a new one is refused while it is open. */
export async function openJob(paths: InstancePaths): Promise<Job | undefined> {
  for (const sequence of (await jobSequences(paths)).reverse()) {
    const job = await Job.read(paths, sequence);
    if (job !== undefined) return job.closed === undefined ? job : undefined;
  }
  return undefined;
}
