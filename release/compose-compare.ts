import { canonicalJson } from "../common/canonical-json.ts";
import {
  assignmentsOf,
  listOf,
  parseCompose,
  plain,
  sectionOf,
  Text,
  type Section,
  type Value,
} from "./compose-document.ts";
import { composeFacts, type ComposeFacts, type DatabaseFacts } from "./compose-facts.ts";
import { DATABASE_SERVICE, MAIN_SERVICE } from "./compose-file.ts";
import { hasBuild } from "./compose-images.ts";
import { mayRun } from "./compose-profiles.ts";
import { isMountOf } from "./database-place.ts";
import { printableLine } from "./printable.ts";

/** A service that is defined in both files, but not in the same way. */
export interface ChangedService {
  service: string;
  /** The members that differ: `image`, `logging`, `network internal`, `files of the release`. */
  because: string[];
}

/** What another release's compose file means for a server. */
export interface ComposeComparison {
  /**
   * Services whose containers are made anew. `chatalot` is always made anew by an update and is
   * listed only where more than its image changes.
   */
  changed: ChangedService[];
  added: string[];
  removed: string[];
  /** Variables that are required from now on. */
  newRequiredVariables: ComposeFacts["requiredVariables"];
  /** Why the update must not be made: the database's data would be out of reach. */
  refusals: string[];
}

/** How a server runs the files that are compared. */
export interface ComposeUse {
  /**
   * The major version of the database, where it does not run as the current file says: then its image and its
   * path are no business of the files.
   */
  placed?: number | undefined;
  /** The profiles that are asked for; undefined where they are not known: then any service may run. */
  profiles?: readonly string[] | undefined;
}

/**
 * Compares the compose files of two releases: the one that runs, and the one asked for. Of services only those
 * are told that run; variables are required for all of them, as Compose does.
 */
export function compareCompose(
  current: string,
  next: string,
  { placed, profiles }: ComposeUse = {},
): ComposeComparison {
  const before = parseCompose(current);
  const after = parseCompose(next);
  const [oldNames, newNames] = [runningIn(before, profiles), runningIn(after, profiles)];
  const oldFacts = composeFacts(current);
  const newFacts = composeFacts(next);
  const known = new Set(oldFacts.requiredVariables.map(({ name }) => name));
  return {
    changed: newNames
      .filter((service) => oldNames.includes(service))
      .map((service) => ({
        service,
        because: reasons(service, [before, oldFacts], [after, newFacts], placed !== undefined),
      }))
      .filter(({ because }) => because.length > 0),
    added: newNames.filter((service) => !oldNames.includes(service)),
    // Compose removes no service that is still in its file.
    removed: oldNames.filter((service) => !newFacts.services.includes(service)),
    newRequiredVariables: newFacts.requiredVariables.filter(({ name }) => !known.has(name)),
    refusals: placeRefusals(oldFacts.database, newFacts.database, placed),
  };
}

/** The services that run with these profiles. */
function runningIn(root: Section, profiles: readonly string[] | undefined): string[] {
  const services = [...sectionOf(root, "services").keys()];
  if (profiles === undefined) return services;
  return services.filter((service) => mayRun(serviceOf(root, service), profiles));
}

type ReadFile = [root: Section, facts: ComposeFacts];

function reasons(
  service: string,
  before: ReadFile,
  [after, facts]: ReadFile,
  isPlaced: boolean,
): string[] {
  const old = normalized(service, before, isPlaced);
  const now = normalized(service, [after, facts], isPlaced);
  const members = [...new Set([...old.keys(), ...now.keys()])];
  const different = members.filter((member) => old.get(member) !== now.get(member));
  const usesTree = facts.treeReferences.some(({ owner, path }) => {
    return owner === service && !path.startsWith("secrets/");
  });
  const isBuilt = service !== MAIN_SERVICE && hasBuild(serviceOf(after, service));
  return [
    ...different.map(printableLine),
    ...(usesTree || isBuilt ? ["files of the release"] : []),
  ];
}

/**
 * A service's members, and the networks, volumes, secrets and configs it uses, as comparable texts.
 *
 * @param isPlaced whether the database has its image and its path from elsewhere
 */
function normalized(
  service: string,
  [root, { database }]: ReadFile,
  isPlaced: boolean,
): Map<string, string> {
  const own = serviceOf(root, service);
  const definition = isPlaced && service === DATABASE_SERVICE ? withoutPlace(own, database) : own;
  const result = new Map<string, string>();
  for (const [name, value] of definition) {
    if (service === MAIN_SERVICE && ["build", "image", "pull_policy"].includes(name)) continue;
    const isAssignments = name === "environment" || name === "labels";
    result.set(name, comparable(isAssignments ? assignmentsOf(definition, name) : value));
  }
  for (const [kind, label] of [
    ["networks", "network"],
    ["volumes", "volume"],
    ["secrets", "secret"],
    ["configs", "config"],
  ] as const) {
    for (const [name, value] of sectionOf(root, kind)) {
      if (uses(definition, kind, name)) result.set(`${label} ${name}`, comparable(value));
    }
  }
  return result;
}

/** The database without what the files don't decide where it was brought to another version. */
function withoutPlace(definition: Section, { mount }: DatabaseFacts): Section {
  const others = listOf(definition, "volumes").filter(
    (entry) => mount === undefined || !isMountOf(entry, mount.source),
  );
  const members = new Map(definition).set("volumes", others);
  members.delete("image");
  return members;
}

function uses(definition: Section, kind: string, name: string): boolean {
  if (sectionOf(definition, kind).has(name)) return true;
  return listOf(definition, kind).some((item) => {
    const source = item instanceof Map ? item.get("source") : item;
    return source instanceof Text && (source.text === name || source.text.startsWith(`${name}:`));
  });
}

function serviceOf(root: Section, service: string): Section {
  return sectionOf(sectionOf(root, "services"), service);
}

function comparable(value: Value | undefined): string {
  return canonicalJson(toJson(value ?? plain("")));
}

function toJson(value: Value): unknown {
  if (value instanceof Text) return value.text;
  if (Array.isArray(value)) return value.map(toJson);
  return Object.fromEntries([...value].map(([name, member]) => [name, toJson(member)]));
}

/**
 * Why a release can't take over a database of which only the version is known, as its own file is not there.
 *
 * @param present the major version of the database
 * @param isPlaced whether it was brought there, whatever files say: then an older one in a file is no matter
 */
export function majorRefusals(next: string, present: number, isPlaced: boolean): string[] {
  const { majorVersion } = composeFacts(next).database;
  if (majorVersion === undefined) return [];
  const [before, after] = [{ majorVersion: present }, { majorVersion }];
  return placeRefusals(before, after, isPlaced ? present : undefined);
}

function placeRefusals(
  before: DatabaseFacts,
  after: DatabaseFacts,
  placed: number | undefined,
): string[] {
  const refusals: string[] = [];
  const refuse = (what: string, from?: string | number, to?: string | number): void => {
    if (from === to) return;
    refusals.push(
      `service ${DATABASE_SERVICE} changes its ${what} from ${from ?? "none"} to ${to ?? "none"}`,
    );
  };
  const present = placed ?? before.majorVersion;
  const wanted = after.majorVersion;
  if (present !== undefined && wanted !== undefined && wanted > present) {
    refuse("major version", present, wanted);
    // Where the newer image has its data is no matter: the upgrade puts them there.
    return refusals.map(
      (text) =>
        `${text}: bring the data to it first, with the release that serves, by npx chatalot upgrade-database`,
    );
  }
  if (placed === undefined) {
    // An image without a number in its tag can't be compared by number, so by its name.
    const isKnown = present !== undefined && wanted !== undefined;
    if (isKnown) refuse("major version", present, wanted);
    else refuse("image", before.image, after.image);
    refuse("data path", before.mount?.target, after.mount?.target);
  }
  refuse("data volume", before.mount?.source, after.mount?.source);
  refuse("data directory (PGDATA)", before.dataDirectory, after.dataDirectory);
  return refusals;
}
