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

/** The profiles that a service is part of. */
export function readProfiles(service: Section): string[] {
  return listOf(service, "profiles").flatMap((item) => (item instanceof Text ? [item.text] : []));
}
