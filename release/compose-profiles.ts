import { listOf, parseCompose, sectionOf, Text } from "./compose-document.ts";

/** The profiles of each service that has some, as a release's compose file says. */
export function profilesOf(composeText: string): Map<string, string[]> {
  const services = sectionOf(parseCompose(composeText), "services");
  return new Map(
    [...services].flatMap(([name, service]): [string, string[]][] => {
      if (!(service instanceof Map)) return [];
      const profiles = listOf(service, "profiles").flatMap((value) =>
        value instanceof Text ? [value.text] : [],
      );
      return profiles.length === 0 ? [] : [[name, profiles]];
    }),
  );
}
