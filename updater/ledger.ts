import { appendRecord, readRecords } from "./framed-log.ts";
import { withReserve } from "./instance.ts";
import type { InstancePaths } from "./paths.ts";
import type { LedgerRecord, Measured, RevertedSwitch } from "./protocol.ts";

/** What happened on this server: one record for each closed job, oldest first. */
export class Ledger {
  private constructor(
    private readonly paths: InstancePaths,
    readonly records: readonly LedgerRecord[],
  ) {}

  static async read(paths: InstancePaths): Promise<Ledger> {
    return new Ledger(paths, newestOfEach(await readRecords<LedgerRecord>(paths.ledger)));
  }

  get last(): LedgerRecord | undefined {
    return this.records.at(-1);
  }

  /** The record of the release that is committed; undefined before the first and after a removal. */
  get serving(): LedgerRecord | undefined {
    const record = this.records.findLast(
      ({ kind, outcome }) => outcome === "done" && (kind === "switch" || kind === "remove"),
    );
    return record?.kind === "switch" ? this.withDatabase(record) : undefined;
  }

  /** The newest committed switch, also when its containers were removed since. */
  get lastServing(): LedgerRecord | undefined {
    const record = this.records.findLast(
      ({ kind, outcome }) => kind === "switch" && outcome === "done",
    );
    return record === undefined ? undefined : this.withDatabase(record);
  }

  /** A revert after the commit may have put a copy in the place of the database. */
  private withDatabase(record: LedgerRecord): LedgerRecord {
    const later = this.records.findLast(
      ({ sequence, database }) => database !== undefined && sequence > record.sequence,
    );
    if (later?.database === undefined || record.serving === undefined) return record;
    return { ...record, serving: { ...record.serving, database: later.database } };
  }

  /** Commits whose newest switch did not end as asked: a plain `up` must not repeat it unasked. */
  get reverted(): RevertedSwitch[] {
    const newest = new Map<string, LedgerRecord>();
    const served = new Set<string>();
    for (const record of this.records) {
      if (
        record.kind === "switch" &&
        record.release !== undefined &&
        record.outcome !== "untouched"
      ) {
        newest.set(record.release.commit, record);
        if (record.outcome === "done") served.add(record.release.commit);
      }
    }
    return [...newest.values()]
      .filter(
        ({ outcome }) =>
          outcome === "reverted" || outcome === "stopped" || outcome === "needs-operator",
      )
      .map((record) => ({
        sequence: record.sequence,
        ...(record.configurationDigest === undefined
          ? {}
          : { configurationDigest: record.configurationDigest }),
        ...(record.databaseBackup === undefined ? {} : { databaseBackup: record.databaseBackup }),
        commit: record.release?.commit ?? "",
        at: record.closedAt,
        cause: record.cause ?? "unknown",
        ...(served.has(record.release?.commit ?? "") ? { served: true as const } : {}),
      }));
  }

  /** How long things took last. */
  get measured(): Measured {
    const newest = this.records.toReversed();
    const build = newest.find(({ durations }) => durations.build !== undefined);
    const back = newest.find(
      ({ outcome, durations }) => outcome === "reverted" && durations.downtime !== undefined,
    );
    const proven = newest.find(({ backup }) => backup?.proof === "restored")?.durations;
    return {
      ...(build?.durations.build === undefined ? {} : { build: build.durations.build }),
      ...(back?.durations.downtime === undefined ? {} : { wayBack: back.durations.downtime }),
      ...(proven?.dump === undefined ? {} : { dump: proven.dump }),
      ...(proven?.proof === undefined ? {} : { proof: proven.proof }),
    };
  }

  /** The record of a job that ended as often as that. */
  of(sequence: number, reopenings: number): LedgerRecord | undefined {
    return this.records.find(
      (record) => record.sequence === sequence && (record.reopenings ?? 0) === reopenings,
    );
  }

  /** Writes the record of a job; a second call for the same end does nothing. */
  async append(record: LedgerRecord): Promise<void> {
    if (this.of(record.sequence, record.reopenings ?? 0) !== undefined) return;
    await withReserve(this.paths, () => appendRecord(this.paths.ledger, record));
  }
}

/** A job that was reopened has ended twice: how it ended last counts. */
function newestOfEach(records: readonly LedgerRecord[]): LedgerRecord[] {
  return [...new Map(records.map((record) => [record.sequence, record])).values()];
}
