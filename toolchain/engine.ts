import { access, constants, mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import semver from "semver";
import { cachePath } from "../common/cache.ts";
import { readJson, writeAtomically } from "./cache.ts";
import { buildEngine } from "./engine-build.ts";
import { installEngine } from "./engine-install.ts";
import { withLock } from "./lock.ts";
import { runStep, type Report } from "./steps.ts";
import { engineVersion, oldestEngine } from "./versions.ts";

/** The Pulumi command line and the host of Node programs beside it. */
export interface Engine {
  /** The `pulumi` executable, as an absolute path. */
  pulumi: string;
  /** The folder that has `pulumi`; put it first on the PATH. */
  directory: string;
  /** Its version, as `3.250.0`. */
  version: string;
  /** Where it came from: found on the PATH, Pulumi's installer, or built here with Go. */
  source: "path" | "installer" | "built";
}

/** How long a second start waits for the first one's set-up, in seconds. */
const waitSeconds = 45 * 60;
const languageHost = "pulumi-language-nodejs";
/** Where the engine is in the cache. The number changes when what lies there is made in another way. */
const cacheName = `${engineVersion}-2`;

/**
 * Finds an engine, or gets one: from the PATH, from the project's cache, by Pulumi's install
 * script, or built with Go from its published modules. Never writes outside the project's cache.
 *
 * @throws UserError that says what to install, where none of these is possible
 */
export async function ensureEngine(report: Report): Promise<Engine> {
  const ready = (await engineOnPath(report)) ?? (await cachedEngine());
  if (ready !== undefined) return ready;
  const lock = { what: "sets up the Pulumi engine", waitSeconds, report };
  return withLock("engine", lock, async () => {
    const made = await cachedEngine();
    return made ?? makeEngine(report);
  });
}

async function makeEngine(report: Report): Promise<Engine> {
  report(`No usable Pulumi engine here: getting ${engineVersion} into ${cachePath()}.`);
  const engines = cachePath("engine");
  await removeLeftovers(engines);
  const workspace = path.join(engines, `.new-${process.pid}`);
  try {
    const bin = path.join(workspace, "bin");
    await mkdir(bin, { recursive: true });
    const installed = await installEngine(workspace, report);
    if (!installed) await buildEngine(workspace, report);
    const version = await versionOf(path.join(bin, "pulumi"));
    if (version !== engineVersion) {
      throw new Error(`the new engine says that it is ${version}, and not ${engineVersion}`);
    }
    const source = installed ? "installer" : "built";
    await writeAtomically(path.join(workspace, "engine.json"), JSON.stringify({ source }));
    const place = path.join(engines, cacheName);
    // What is there is not usable, or it would have been used.
    await rm(place, { recursive: true, force: true });
    await rename(workspace, place);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
  const engine = await cachedEngine();
  if (engine === undefined) throw new Error("the new engine is not usable");
  return engine;
}

/** Removes what a killed set-up left. Only called with the lock held, so nobody is using it. */
async function removeLeftovers(engines: string): Promise<void> {
  await mkdir(engines, { recursive: true });
  for (const name of await readdir(engines)) {
    if (name.startsWith(".new-")) await rm(path.join(engines, name), { recursive: true });
  }
}

async function cachedEngine(): Promise<Engine | undefined> {
  const place = cachePath("engine", cacheName);
  const directory = path.join(place, "bin");
  const pulumi = path.join(directory, "pulumi");
  const usable = (await isExecutable(pulumi)) && (await hasLanguageHost(directory));
  if (!usable) return undefined;
  const record = await readJson(path.join(place, "engine.json"));
  const built = JSON.stringify(record) === JSON.stringify({ source: "built" });
  return { pulumi, directory, version: engineVersion, source: built ? "built" : "installer" };
}

async function engineOnPath(report: Report): Promise<Engine | undefined> {
  const pulumi = await findOnPath("pulumi");
  if (pulumi === undefined) return undefined;
  const directory = path.dirname(pulumi);
  const version = await versionOf(pulumi).catch(() => undefined);
  const refusal = refuseEngine(
    version,
    (await hasLanguageHost(directory)) || (await findOnPath(languageHost)) !== undefined,
  );
  if (refusal !== undefined || version === undefined) {
    report(`Not using ${pulumi}: ${refusal}.`);
    return undefined;
  }
  return { pulumi, directory, version, source: "path" };
}

/** Why an engine that was found can't be used, or undefined when it can. */
export function refuseEngine(
  version: string | undefined,
  withLanguageHost: boolean,
): string | undefined {
  if (version === undefined) return "it does not tell its version";
  if (semver.lt(version, oldestEngine)) return `it is ${version}, and ${oldestEngine} is needed`;
  if (semver.major(version) !== 3) return `it is ${version}, and only version 3 is known to work`;
  if (!withLanguageHost) return `there is no ${languageHost} beside it`;
  return undefined;
}

/** The version that a `pulumi` executable prints, or undefined where that is none. */
async function versionOf(pulumi: string): Promise<string | undefined> {
  const output = await runStep("read the version of the Pulumi engine", [pulumi, "version"], {
    limitSeconds: 20,
    environment: { PULUMI_SKIP_UPDATE_CHECK: "1", PULUMI_HOME: cachePath("pulumi-home") },
    whenItFails: "Install Pulumi anew.",
  });
  return semver.clean(output.trim()) ?? undefined;
}

async function findOnPath(name: string): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? "").split(path.delimiter)) {
    if (!path.isAbsolute(directory)) continue;
    const candidate = path.join(directory, name);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function hasLanguageHost(directory: string): Promise<boolean> {
  return isExecutable(path.join(directory, languageHost));
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
