/** The crate whose version `/api/health` reports. */
const SERVER_CRATE = "chatalot-server";

/**
 * The version that the server of a release reports: that of its own crate, which may take it from
 * the workspace. Undefined where none is found; then health can't be compared with it.
 *
 * @param manifests path -> text of `Cargo.toml` and of `crates/<name>/Cargo.toml`
 */
export function readCrateVersion(manifests: ReadonlyMap<string, string>): string | undefined {
  const root = readSections(manifests.get("Cargo.toml") ?? "");
  const workspace = root.get("workspace.package")?.get("version");
  const crates = [...manifests]
    .filter(([path]) => path !== "Cargo.toml")
    .map(([, text]) => readSections(text).get("package") ?? new Map<string, string>());
  const server = crates.find((crate) => crate.get("name") === SERVER_CRATE);
  const own = server?.get("version") ?? root.get("package")?.get("version");
  return own ?? workspace ?? crates.find((crate) => crate.has("version"))?.get("version");
}

/**
 * The texts in a TOML file, by section. This reads `name = "text"` on a line of its own and nothing
 * else of TOML; all that is wanted is a version, and it is checked to be one.
 */
function readSections(toml: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  for (const line of toml.split("\n")) {
    const header = /^\s*\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(?:#.*)?$/.exec(line)?.[1];
    if (header !== undefined) {
      current = sections.get(header) ?? new Map<string, string>();
      sections.set(header, current);
    } else if (/^\s*\[/.test(line)) {
      current = new Map();
    }
    const [, name, text] =
      /^\s*([A-Za-z0-9_-]+)\s*=\s*(?:"([^"\\]*)"|'[^']*')\s*(?:#.*)?$/.exec(line) ?? [];
    if (name === undefined || text === undefined) continue;
    if (name === "version" && !isVersion(text)) continue;
    current.set(name, text);
  }
  return sections;
}

/** The web client's version from its `version.json`; undefined where the file has none. */
export function readWebVersion(json: string | undefined): string | undefined {
  if (json === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("version" in value)) return undefined;
  return typeof value.version === "string" && isVersion(value.version) ? value.version : undefined;
}

function isVersion(text: string): boolean {
  return /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/.test(text) && text.length <= 64;
}
