import {
  assignmentsOf,
  listOf,
  parseCompose,
  sectionOf,
  Text,
  textOf,
  type Section,
  type Value,
} from "./compose-document.ts";
import { DATABASE_SERVICE } from "./compose-file.ts";
import { treeReferences, type TreeReference } from "./compose-paths.ts";
import { publishedPorts, type PublishedPort } from "./compose-ports.ts";
import { sideImagesIn } from "./side-images.ts";
import {
  splitOutsideVariables,
  textsIn,
  variablesOf,
  withDefaults,
  type ComposeVariable,
} from "./compose-variables.ts";

/** Where a container has its data: a volume (by its key in the file) or a host path. */
export interface Mount {
  source: string;
  target: string;
}

/** What a compose file says about the database. */
export interface DatabaseFacts {
  /** `postgres:17`, variables replaced by their defaults. */
  image?: string;
  /** 17; absent where the image's tag doesn't begin with a number. */
  majorVersion?: number;
  /** The mount that holds the data directory. */
  mount?: Mount;
  /** The data directory if the file sets PGDATA. */
  dataDirectory?: string;
}

/** What matters in a release's compose file when it is compared with another one. */
export interface ComposeFacts {
  services: string[];
  database: DatabaseFacts;
  ports: (PublishedPort & { service: string })[];
  /** Variables without which Compose refuses to start (`${X:?reason}`), in order of appearance. */
  requiredVariables: { name: string; reason: string }[];
  /** Names of all variables that the file takes from `.env`. */
  variables: string[];
  /** Files of the release's own tree that containers use; services with these differ per release. */
  treeReferences: TreeReference[];
  /** The images beside the server's own that can be given a digest: `name:tag` by service. */
  sideImages: Record<string, string>;
}

/** Reads the facts off a compose file. It need not be one that can be deployed. */
export function composeFacts(composeText: string): ComposeFacts {
  const root = parseCompose(composeText);
  const services = sectionOf(root, "services");
  const variables = textsIn(root).flatMap(variablesOf);
  return {
    services: [...services.keys()],
    database: readDatabase(sectionOf(services, DATABASE_SERVICE)),
    ports: [...services].flatMap(([service, definition]) =>
      definition instanceof Map
        ? publishedPorts(definition).map((port) => ({ service, ...port }))
        : [],
    ),
    requiredVariables: required(variables),
    variables: [...new Set(variables.map(({ name }) => name))],
    treeReferences: treeReferences(root),
    sideImages: sideImagesIn(services),
  };
}

function required(variables: readonly ComposeVariable[]): ComposeFacts["requiredVariables"] {
  const reasons = new Map<string, string>();
  for (const { name, required: reason } of variables) {
    if (reason !== undefined && !reasons.has(name)) reasons.set(name, reason);
  }
  return [...reasons].map(([name, reason]) => ({ name, reason }));
}

function readDatabase(service: Section): DatabaseFacts {
  const image = withDefaults(textOf(service, "image") ?? "");
  const major = /:(\d+)/.exec(image.slice(image.lastIndexOf("/") + 1))?.[1];
  const mounts = listOf(service, "volumes").flatMap((volume) => readMount(volume) ?? []);
  const mount = mounts.find(({ target }) => target.startsWith("/var/lib/postgresql")) ?? mounts[0];
  const directory = textOf(assignmentsOf(service, "environment"), "PGDATA");
  return {
    ...(image === "" ? {} : { image }),
    ...(major === undefined ? {} : { majorVersion: Number(major) }),
    ...(mount === undefined ? {} : { mount }),
    ...(directory === undefined ? {} : { dataDirectory: withDefaults(directory) }),
  };
}

function readMount(volume: Value): Mount | undefined {
  if (volume instanceof Map) {
    const source = textOf(volume, "source");
    const target = textOf(volume, "target");
    return source === undefined || target === undefined ? undefined : mountOf(source, target);
  }
  if (!(volume instanceof Text)) return undefined;
  const [source, target] = splitOutsideVariables(volume.text, ":");
  return source === undefined || target === undefined ? undefined : mountOf(source, target);
}

function mountOf(source: string, target: string): Mount {
  return { source: withDefaults(source), target: withDefaults(target).replace(/(?<=.)\/+$/, "") };
}
