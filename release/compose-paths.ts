import { posix } from "node:path";
import { Text, listOf, quoted, sectionOf, type Section, type Value } from "./compose-document.ts";
import { splitOutsideVariables } from "./compose-variables.ts";

/** A place in a compose file that names a file or folder of the release's tree. */
export interface TreeReference {
  /** The service that uses it, or the top-level `secret x` or `config x`. */
  owner: string;
  /** The path in the tree, normalized: `secrets/jwt_private.pem`, `turn/turnserver.conf`. */
  path: string;
  kind: "mount" | "env_file" | "secret" | "config";
}

/** Finds the new path of a reference; called once for each, it may also just take note. */
export type Relocate = (reference: TreeReference) => string;

/**
 * The file with every relative path replaced. Paths are relative to the compose file's folder, and
 * the generated file lies elsewhere than the release's.
 *
 * Left alone: absolute paths, `~`, and paths that begin with a variable (the operator's choice).
 */
export function relocatePaths(root: Section, relocate: Relocate): Section {
  const result: Section = new Map(root);
  for (const [key, kind] of [
    ["secrets", "secret"],
    ["configs", "config"],
  ] as const) {
    if (!(root.get(key) instanceof Map)) continue;
    result.set(
      key,
      mapMembers(sectionOf(root, key), (name, member) =>
        withPath(member, "file", (path) => relocate({ owner: `${kind} ${name}`, path, kind })),
      ),
    );
  }
  result.set(
    "services",
    mapMembers(sectionOf(root, "services"), (name, service) =>
      relocateService(name, service, relocate),
    ),
  );
  return result;
}

/** All places where a compose file refers to its own tree. */
export function treeReferences(root: Section): TreeReference[] {
  const found: TreeReference[] = [];
  relocatePaths(root, (reference) => {
    found.push(reference);
    return reference.path;
  });
  return found;
}

/** Whether a normalized relative path stays inside of the folder that it starts from. */
export function isInside(path: string): boolean {
  return path !== ".." && !path.startsWith("../") && !path.startsWith("/");
}

function relocateService(name: string, service: Section, relocate: Relocate): Section {
  const result: Section = new Map(service);
  const volumes = listOf(service, "volumes");
  if (volumes.length > 0) {
    result.set(
      "volumes",
      volumes.map((volume) => relocateMount(name, volume, relocate)),
    );
  }
  const files = service.get("env_file");
  if (files !== undefined) result.set("env_file", relocateEnvironmentFiles(name, files, relocate));
  return result;
}

function relocateMount(owner: string, mount: Value, relocate: Relocate): Value {
  const move = (path: string): string => relocate({ owner, path, kind: "mount" });
  if (mount instanceof Map) {
    const type = mount.get("type");
    return type instanceof Text && type.text === "bind" ? withPath(mount, "source", move) : mount;
  }
  if (!(mount instanceof Text)) return mount;
  const [source, ...rest] = splitOutsideVariables(mount.text, ":");
  // In the short form only a leading dot tells a path from the name of a volume.
  if (source === undefined || rest.length === 0 || !source.startsWith(".")) return mount;
  return quoted([move(posix.normalize(source)), ...rest].join(":"));
}

/** `.env` lies beside the generated file as it lay beside the release's; other files are upstream's. */
function relocateEnvironmentFiles(owner: string, value: Value, relocate: Relocate): Value {
  const move = (path: string): string =>
    path === ".env" ? ".env" : relocate({ owner, path, kind: "env_file" });
  const one = (item: Value): Value =>
    item instanceof Text
      ? movedText(item, move)
      : item instanceof Map
        ? withPath(item, "path", move)
        : item;
  return Array.isArray(value) ? value.map(one) : one(value);
}

function withPath(section: Section, key: string, move: (path: string) => string): Section {
  const value = section.get(key);
  if (!(value instanceof Text)) return section;
  return new Map(section).set(key, movedText(value, move));
}

function movedText(value: Text, move: (path: string) => string): Text {
  if (value.text === "" || /^[/~$]/.test(value.text)) return value;
  // A trailing slash says nothing more.
  return quoted(move(posix.normalize(value.text).replace(/(?<=.)\/$/, "")));
}

function mapMembers(section: Section, change: (name: string, member: Section) => Section): Section {
  return new Map(
    [...section].map(([name, member]) => [
      name,
      member instanceof Map ? change(name, member) : member,
    ]),
  );
}
