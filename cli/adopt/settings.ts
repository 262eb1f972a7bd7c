/** The settings that describe a chat as it was found, so that `pulumi up` has nothing to change. */
import { type VolumeNames, volumeNames } from "../../common/volume-names.ts";
import { composeFacts } from "../../release/compose-facts.ts";
import { profilesOf } from "../../release/compose-profiles.ts";
import { homeOf, isManaged, looksSecret, readEnvironment } from "../../settings/environment.ts";
import type { Problem } from "../../settings/problems.ts";
import { originOf } from "../../settings/values.ts";
import type { FoundChat } from "../../updater/adopt/protocol.ts";

export interface FoundSettings {
  listen?: { address: string; port: number };
  /** Only those that have not the usual names. */
  volumes: Partial<VolumeNames>;
  url?: string;
  env: Record<string, string>;
  /** Secret. */
  secretEnv: Record<string, string>;
  moreEnv: string[];
  profiles: string[];
  /** What of the `.env` is not taken over, and why. */
  leftOut: string[];
}

/**
 * @param composeText the compose file of the release that runs
 * @param project by which the usual names of volumes are made
 */
export function settingsOfFound(
  chat: FoundChat,
  composeText: string,
  project: string,
): FoundSettings {
  const used = new Set(composeFacts(composeText).variables);
  const found: FoundSettings = {
    ...(chat.listen === undefined ? {} : { listen: chat.listen }),
    volumes: unusualVolumes(chat, project),
    ...{ env: {}, secretEnv: {}, moreEnv: [], leftOut: [] },
    profiles: profilesOfRunning(chat.services, composeText),
  };
  for (const [name, value] of Object.entries(chat.variables)) {
    if (value === "") continue;
    if (name === "PUBLIC_URL") takeUrl(found, value);
    else if (!isManaged(name)) take(found, name, value, used.has(name) || isInServer(chat, name));
  }
  return found;
}

function unusualVolumes(
  { databaseVolume: database, filesVolume: files }: FoundChat,
  project: string,
): Partial<VolumeNames> {
  const usual = volumeNames(project);
  return {
    ...(database === undefined || database === usual.database ? {} : { database }),
    ...(files === undefined || files === usual.files ? {} : { files }),
  };
}

function isInServer({ effective }: FoundChat, name: string): boolean {
  return effective.includes(name);
}

/** Without a path it is sent as it is; another one would be another value of the server's. */
function takeUrl(found: FoundSettings, value: string): void {
  if (originOf(value) === value) found.url = value;
  else found.leftOut.push(`PUBLIC_URL: it is no address without a path. Set "url" yourself`);
}

/** What nothing uses today would change what runs. */
function take(found: FoundSettings, name: string, value: string, isUsed: boolean): void {
  if (!isUsed) {
    found.leftOut.push(`${name}: nothing that runs uses it`);
    return;
  }
  const home = homeOf(name) ?? (looksSecret(name) ? "secretEnv" : "env");
  const problems: Problem[] = [];
  readEnvironment(home, { [name]: value }, [name], problems);
  const [problem] = problems;
  if (problem !== undefined) {
    found.leftOut.push(`${name}: ${problem.cause}`);
    return;
  }
  if (homeOf(name) === undefined) found.moreEnv.push(name);
  found[home][name] = value;
}

/** The first profile of each service that runs and has some. */
function profilesOfRunning(services: readonly string[], composeText: string): string[] {
  const profiles = profilesOf(composeText);
  return [...new Set(services.flatMap((service) => profiles.get(service)?.[0] ?? []))].sort();
}
