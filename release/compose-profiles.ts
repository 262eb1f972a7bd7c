import { listOf, parseCompose, type Section, sectionOf, Text } from "./compose-document.ts";

/** The profiles of each service that has some, as a release's compose file says. */
export function profilesOf(composeText: string): Map<string, string[]> {
  const services = sectionOf(parseCompose(composeText), "services");
  return new Map(
    [...services].flatMap(([name, service]): [string, string[]][] => {
      if (!(service instanceof Map)) return [];
      const profiles = readProfiles(service);
      return profiles.length === 0 ? [] : [[name, profiles]];
    }),
  );
}

/** What is a name of one profile, and nothing else to Compose. */
const PROFILE = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Whether a service runs with these profiles. One with a variable in its name may be any. */
export function mayRun(service: Section, wanted: readonly string[]): boolean {
  const profiles = readProfiles(service);
  // Compose takes "*" for all of them; what is no name may mean something else, too.
  if (profiles.length === 0 || !wanted.every((name) => PROFILE.test(name))) return true;
  return profiles.some((profile) => profile.includes("$") || wanted.includes(profile));
}

/** The profiles that a service is part of. */
export function readProfiles(service: Section): string[] {
  return listOf(service, "profiles").flatMap((item) => (item instanceof Text ? [item.text] : []));
}
