import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { writeAtomically } from "./cache.ts";
import { pluginVersions, type PluginName } from "./versions.ts";

const sources = path.join(import.meta.dirname, "stand-ins");
/** What every plugin of the project shares. */
const plugin = path.join(import.meta.dirname, "../provider/engine");
/** What starts a bundle fast, as it does our own provider. */
const runner = path.join(import.meta.dirname, "../launch/run-bundle.mjs");

/** How long another version's bundle is kept for an engine that is just starting it. */
const keepOthersFor = 24 * 60 * 60 * 1000;

/** A key that changes with the stand-ins' sources and the versions they stand for. */
export async function standInKey(): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(pluginVersions));
  for (const folder of [sources, plugin]) {
    const files = (await readdir(folder)).filter((file) => file.endsWith(".ts")).sort();
    for (const file of files) await add(path.join(folder, file));
  }
  await add(runner);
  await add(import.meta.filename);
  return hash.digest("hex").slice(0, 16);

  async function add(file: string): Promise<void> {
    hash.update(`\0${path.basename(file)}\0`).update(await readFile(file));
  }
}

/** Whether a plugin's folder has the stand-in of this key. */
export async function isCurrentStandIn(
  place: string,
  name: PluginName,
  key: string,
): Promise<boolean> {
  const script = await readFile(scriptOf(place, name), "utf8").catch(() => "");
  if (!script.includes(startName(key))) return false;
  return (await stat(path.join(place, bundleName(key))).catch(() => undefined)) !== undefined;
}

/**
 * Puts a stand-in into a plugin's folder, where the engine takes it for an installed plugin.
 *
 * It is bundled into one file, so that it starts fast and does not depend on where the checkout
 * is. The script that names the bundle is written last and atomically: an engine that starts the
 * plugin meanwhile gets the former one or this one.
 */
export async function placeStandIn(place: string, name: PluginName, key: string): Promise<void> {
  await mkdir(place, { recursive: true });
  const result = await build({
    entryPoints: [path.join(sources, `${name}.ts`)],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minifySyntax: true,
    minifyWhitespace: true,
    define: { STAND_IN_VERSION: JSON.stringify(pluginVersions[name]) },
    write: false,
    logLevel: "silent",
  });
  const [bundle] = result.outputFiles;
  if (bundle === undefined) throw new Error(`the stand-in ${name} has no bundle`);
  await writeAtomically(path.join(place, bundleName(key)), bundle.contents);
  const start =
    (await readFile(runner, "utf8")) +
    `\nrunBundle(path.join(import.meta.dirname, "${bundleName(key)}"));\n`;
  await writeAtomically(path.join(place, startName(key)), start);
  const script = `#!/bin/sh
# A stand-in for Pulumi's ${name} plugin, made by chatalot-deploy for a machine that can't download it.
exec node --no-warnings "\${0%/*}/${startName(key)}" "$@"
`;
  await writeAtomically(scriptOf(place, name), script, 0o755);
  await rm(`${place}.partial`, { force: true });
  await removeOldBundles(place, key);
}

function scriptOf(place: string, name: PluginName): string {
  return path.join(place, `pulumi-resource-${name}`);
}

function bundleName(key: string): string {
  return `stand-in-${key}.cjs`;
}

/** Runs the bundle. */
function startName(key: string): string {
  return `stand-in-${key}.mjs`;
}

async function removeOldBundles(place: string, key: string): Promise<void> {
  for (const file of await readdir(place)) {
    if (!file.startsWith("stand-in-") || file.startsWith(`stand-in-${key}.`)) continue;
    const { mtimeMs } = await stat(path.join(place, file));
    if (Date.now() - mtimeMs > keepOthersFor) await rm(path.join(place, file));
  }
}
