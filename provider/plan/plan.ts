/** What an update will do, as far as it can be known before: the facts behind the preview's text. */
import { breakingChanges } from "../../release/breaking.ts";
import {
  compareChangelogs,
  type ChangelogComparison,
  type ChangelogEntry,
} from "../../release/changelog.ts";
import { compareMigrations } from "../../release/compare.ts";
import type { ChangedService, ComposeComparison } from "../../release/compose-compare.ts";
import { commitsBetween } from "../../release/history.ts";
import { type Effect, readEffects } from "../../release/migrations/effects.ts";
import type { Mirror } from "../../release/mirror.ts";
import { printableLine } from "../../release/printable.ts";
import type { Release } from "../../release/release.ts";
import { type BackupSpace, backupSpace } from "../../updater/backup-space.ts";
import type { AppliedMigration, Measured, ServerState } from "../../updater/protocol.ts";
import { servedLast } from "../place.ts";
import { freeBytes, type HostFacts } from "../server/host-facts.ts";
import { appliedBefore, type PlannedReplacement } from "./replacement.ts";
import { isAbove, versionOf, type VersionOrder, versionOrder } from "./version-order.ts";

/** What preview, report and refusals are made from; as a resource's inputs see planInputs. */
export interface Plan {
  /** What serves, or did so last. */
  from: PlannedRelease;
  /** Set where nothing serves: its containers were removed, and the data stayed. */
  nothingServes?: true;
  to: PlannedRelease;
  /**
   * Set where the repository, as it is known here, does not have what serves: which of the two has the newer
   * version, if they tell. Commits, services and required variables are empty then, because they are not known.
   */
  notCompared?: VersionOrder;
  /** Commits of the one asked for that the running one lacks, and the other way round. */
  ahead: number;
  behind: number;
  /** First lines of commits, newest first. */
  commits: string[];
  changelog: ChangelogEntry[];
  /** Where the changelog ends, if it has nothing new to say. */
  changelogEndsAt?: string;
  /** What changelog and commits call breaking. */
  breaking: string[];
  /** Variables that the compose file requires from now on, and whether they are set. */
  required: { name: string; isSet: boolean }[];
  /** Services beside the server whose containers are made anew, appear or go. */
  services: { changed: ChangedService[]; added: string[]; removed: string[] };
  override?: string;
  /** What takes the live database's place, where a way was chosen for it. */
  replacement?: Pick<PlannedReplacement, "way" | "name" | "at">;
  /** Absent: it does not answer, or nothing is known of the one that takes its place. */
  database?: {
    /** Of the live one. Absent: not known, as while it is stopped. */
    bytes?: number;
    applied: number;
    pending: PlannedMigration[];
  };
  /** Whether the image is on the server already. */
  imageIsThere: boolean;
  /**
   * How long things took last on this server, in milliseconds; absent: nothing is known. `back`: an update
   * that was taken back.
   */
  last: { build?: number; backup?: number; away?: number; back?: number };
  disk: {
    needed: number;
    free: number;
    /** For how many such updates there is room, this one included, if nothing older were removed. */
    updates: number;
  };
}

export interface PlannedRelease {
  name: string;
  commit: string;
  version?: string;
}

export interface PlannedMigration {
  version: number;
  description: string;
  /** SHA-384 of its file. */
  checksum: string;
  /** Numbered below one that is applied: an order in which nobody tried it. */
  isOutOfOrder: boolean;
  effects: PlannedEffect[];
}

/** With the size of the table; of those that are read, where it is filled from others. */
export type PlannedEffect = Effect & { bytes?: number };

/** The commits that a preview names. */
const MOST_COMMITS = 20;

/** What must stay free, and about one image with its tree: the real one has some 150 MB, its build more. */
const SPARE_BYTES = 1024 ** 3;
const IMAGE_BYTES = 0.5 * 1024 ** 3;

/** What is known of the server. */
export interface PlannedServer {
  state: ServerState;
  facts: HostFacts;
  /** The variables that are set; undefined where they are not known. */
  set?: ReadonlySet<string>;
  /** What takes the live database's place; undefined: it stays. */
  replacement?: PlannedReplacement | undefined;
}

/**
 * @param current undefined where the repository has no such commit any more
 * @param compose how the compose files of the two differ; undefined where there is no current one
 * @returns undefined where nothing ever served, or the same commit did last
 */
export async function makePlan(
  mirror: Mirror,
  current: Release | undefined,
  next: Release,
  compose: ComposeComparison | undefined,
  { state, facts, set, replacement }: PlannedServer,
): Promise<Plan | undefined> {
  const last = servedLast(state);
  const running = last?.release;
  if (running === undefined || running.commit === next.commit) return undefined;
  const nothingServes = state.serving === undefined;
  // One that should run and is silent is told so; one that is stopped is as its last release left it.
  const live = state.database?.applied ?? (nothingServes ? last?.serving?.applied : undefined);
  const applied = appliedBefore(next, live, replacement);
  const hasTables = replacement === undefined || replacement.way === "undo-scripts";
  // The parser of SQL is loaded while git counts.
  const [history, pending] = await Promise.all([
    current === undefined
      ? { ahead: 0, behind: 0, subjects: [], breaking: [] }
      : commitsBetween(mirror, current.commit, next.commit),
    plannedMigrations(next, applied, hasTables ? state.database?.tables : {}),
  ]);
  const from = planned(running.name, running.commit, running.webVersion ?? running.crateVersion);
  const to = planned(next.name, next.commit, next.webVersion ?? next.crateVersion);
  const changelog = changelogBetween(current, next, from);
  const { override, database } = state;
  return {
    from,
    ...(nothingServes ? { nothingServes } : {}),
    to,
    ...(current === undefined ? { notCompared: versionOrder(from, to) } : {}),
    ahead: history.ahead,
    behind: history.behind,
    commits: history.subjects.slice(0, MOST_COMMITS),
    changelog: changelog.entries,
    ...(changelog.newest === undefined ? {} : { changelogEndsAt: changelog.newest }),
    breaking: breakingChanges(changelog.maybeNew ?? changelog.entries, history.breaking),
    required:
      compose?.newRequiredVariables.map(({ name }) => ({
        name: printableLine(name),
        isSet: set?.has(name) === true,
      })) ?? [],
    services: {
      changed: compose?.changed ?? [],
      added: compose?.added ?? [],
      removed: compose?.removed ?? [],
    },
    ...(override === undefined ? {} : { override: `${override.name}: ${override.changes}` }),
    ...(replacement === undefined ? {} : { replacement: named(replacement) }),
    ...(applied === undefined
      ? {}
      : {
          database: {
            ...(database?.size === undefined ? {} : { bytes: database.size }),
            applied: applied.length,
            pending,
          },
        }),
    imageIsThere: state.prepared.includes(next.commit),
    last: lastDurations(last?.durations, state.measured),
    disk: room(facts, spaceOf(database?.size ?? 0, pending.length, replacement)),
  };
}

interface PlannedChangelog extends ChangelogComparison {
  /** Where it can't be told what is new: what may be, of which nothing that breaks may be passed over. */
  maybeNew?: ChangelogEntry[];
}

function changelogBetween(
  current: Release | undefined,
  next: Release,
  from: PlannedRelease,
): PlannedChangelog {
  if (next.changelog === undefined) return { entries: [] };
  if (current !== undefined) return compareChangelogs(current.changelog, next.changelog);
  const { entries: all, newest } = compareChangelogs(undefined, next.changelog);
  const version = versionOf(from);
  const entries = version === null ? [] : all.filter((entry) => isAbove(entry.version, version));
  return {
    entries,
    ...(newest === undefined ? {} : { newest }),
    ...(version === null ? { maybeNew: all } : {}),
  };
}

async function plannedMigrations(
  next: Release,
  applied: readonly AppliedMigration[] | undefined,
  tables: Record<string, number> = {},
): Promise<PlannedMigration[]> {
  if (applied === undefined) return [];
  const { pending, outOfOrder } = compareMigrations(applied, next.migrations);
  if (pending.length === 0) return [];
  const effects = await readEffects(pending.map(({ file }) => next.sql.get(file) ?? ""));
  return pending.map((migration, at) => ({
    version: migration.version,
    description: migration.description,
    checksum: migration.checksum,
    isOutOfOrder: outOfOrder.includes(migration),
    effects: (effects[at] ?? []).map((effect) => withSize(effect, tables)),
  }));
}

/** As the job counts it, but for the uploads that a backup brings back. */
function spaceOf(
  size: number,
  pending: number,
  replacement: PlannedReplacement | undefined,
): BackupSpace {
  const space = backupSpace(size, 1, pending + (replacement === undefined ? 0 : 1));
  return { ...space, revertPoint: Math.max(space.revertPoint, replacement?.size ?? 0) };
}

/** What people are told of it. */
export function named({ way, name, at }: PlannedReplacement): NonNullable<Plan["replacement"]> {
  return {
    way,
    ...(name === undefined ? {} : { name }),
    ...(at === undefined ? {} : { at }),
  };
}

function withSize(effect: Effect, tables: Record<string, number>): PlannedEffect {
  const { on, reads = [on] } = effect;
  const known = reads.filter((table) => Object.hasOwn(tables, table));
  if (known.length === 0) return effect;
  return { ...effect, bytes: known.reduce((sum, table) => sum + (tables[table] ?? 0), 0) };
}

/** The proof's copy of the database goes again; what stays of an update is the rest. */
function room(facts: HostFacts, { backup, proof, revertPoint }: BackupSpace): Plan["disk"] {
  const free = freeBytes(facts);
  const stays = IMAGE_BYTES + backup + revertPoint;
  const needed = SPARE_BYTES + stays + proof;
  const updates = free < needed ? 0 : 1 + Math.floor((free - needed) / stays);
  return { needed, free, updates };
}

/** A release of a plan, with the version that people see. */
export function planned(name: string, commit: string, version: string | undefined): PlannedRelease {
  return { name, commit, ...(version === undefined ? {} : { version }) };
}

/** What took how long, as far as it is known. */
export function lastDurations(
  durations: { downtime?: number; dump?: number; proof?: number } | undefined,
  { build, wayBack }: Measured = {},
): Plan["last"] {
  const { downtime, dump, proof } = durations ?? {};
  return {
    ...(build === undefined ? {} : { build }),
    ...(wayBack === undefined ? {} : { back: wayBack }),
    ...(dump === undefined ? {} : { backup: dump + (proof ?? 0) }),
    ...(downtime === undefined ? {} : { away: downtime }),
  };
}
