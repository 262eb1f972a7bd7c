import { posix } from "node:path";
import { UserError } from "../common/errors.ts";
import {
  parseCompose,
  sectionOf,
  textOf,
  assignmentsOf,
  Text,
  type Section,
} from "./compose-document.ts";
import { isInside } from "./compose-paths.ts";
import { readProfiles } from "./compose-profiles.ts";
import { printableLine } from "./printable.ts";

/** An image that a release builds from its own tree. */
export interface ImageToBuild {
  service: string;
  /** Folder in the release's tree, `.` for its root. */
  context: string;
  /** The Dockerfile's path in the release's tree (not in the context). */
  dockerfile: string;
  /** Build arguments. One without a value in the compose file is left out. */
  args: Record<string, string>;
  /** The stage to build; absent: the last one. */
  target?: string;
  /** Compose profiles the service belongs to; empty: it always runs. */
  profiles: string[];
}

/**
 * Members of `build` that change what comes out and that this tool can't honour. Others (labels,
 * tags, caches, platforms) don't matter, because the image is built and tagged here.
 */
const UNSUPPORTED = [
  "additional_contexts",
  "dockerfile_inline",
  "entitlements",
  "extra_hosts",
  "isolation",
  "network",
  "privileged",
  "secrets",
  "ssh",
];

/**
 * The images that a release's compose file builds.
 *
 * @throws UserError naming every build that isn't confined to the release's tree or not supported
 */
export function imagesToBuild(composeText: string): ImageToBuild[] {
  const problems: string[] = [];
  const images = readBuilds(parseCompose(composeText), problems);
  if (problems.length > 0) throw unusable(problems);
  return images;
}

/**
 * The tag under which a service's image is kept: the main image's own tag for `chatalot`, and
 * `<main image without its tag>-<service>:<commit>` for others.
 */
export function imageFor(image: string, commit: string, service: string): string {
  if (service === MAIN_SERVICE) return image;
  // A registry's port has a colon too, but a slash after it.
  const repository = image.replace(/:[^:/]*$/, "");
  return `${repository}-${service.toLowerCase()}:${commit}`;
}

/** The service that is Chatalot's server. */
export const MAIN_SERVICE = "chatalot";

/** The service that holds the database. */
export const DATABASE_SERVICE = "postgres";

/** One error with all the reasons for which a release's compose file can't be deployed. */
export function unusable(problems: readonly string[]): UserError {
  return new UserError(
    "The release's compose file can't be deployed:\n" +
      problems.map((problem) => `  - ${printableLine(problem)}`).join("\n") +
      "\nChoose another release. What runs now was not touched.",
  );
}

/** As {@link imagesToBuild}, from a file that is read already; problems are added to the list. */
export function readBuilds(root: Section, problems: string[]): ImageToBuild[] {
  const images: ImageToBuild[] = [];
  for (const [service, definition] of sectionOf(root, "services")) {
    if (!(definition instanceof Map) || !hasBuild(definition)) continue;
    const image = readBuild(service, definition, problems);
    if (image !== undefined) images.push(image);
  }
  return images;
}

/** Whether a service is built from the tree (an empty `build:` is none). */
export function hasBuild(service: Section): boolean {
  const build = service.get("build");
  return build instanceof Map || (build instanceof Text && textOf(service, "build") !== undefined);
}

function readBuild(
  service: string,
  definition: Section,
  problems: string[],
): ImageToBuild | undefined {
  const build = sectionOf(definition, "build");
  const context = textOf(definition, "build") ?? textOf(build, "context") ?? ".";
  const dockerfile = textOf(build, "dockerfile") ?? "Dockerfile";
  const folder = posix.normalize(context).replace(/(?<=.)\/$/, "");
  const file = posix.normalize(posix.join(folder, dockerfile));

  const before = problems.length;
  if (isRemote(context) || !isInside(folder)) {
    problems.push(`service ${service} is built from ${context}, outside of the release's tree`);
  } else if (dockerfile.startsWith("/") || !isInside(file)) {
    problems.push(
      `service ${service} has its Dockerfile at ${dockerfile}, outside of the release's tree`,
    );
  }
  for (const text of [context, dockerfile]) {
    if (text.includes("$"))
      problems.push(`service ${service} is built from a path with a variable: ${text}`);
  }
  for (const key of UNSUPPORTED.filter((name) => build.has(name))) {
    problems.push(`service ${service} uses build.${key}, which isn't supported`);
  }
  if (problems.length > before) return undefined;

  const target = textOf(build, "target");
  return {
    service,
    context: folder,
    dockerfile: file,
    args: readArguments(build),
    ...(target === undefined ? {} : { target }),
    profiles: readProfiles(definition),
  };
}

/** Compose takes a context for a repository or an archive by these beginnings. */
function isRemote(context: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/|^git@|^github\.com\//i.test(context);
}

function readArguments(build: Section): Record<string, string> {
  const given: [string, string][] = [];
  for (const [name, value] of assignmentsOf(build, "args")) {
    if (!(value instanceof Text) || (value.style === "plain" && value.text === "")) continue;
    given.push([name, value.text]);
  }
  return Object.fromEntries(given);
}
