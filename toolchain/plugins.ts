import { stat } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { messageOf } from "../common/errors.ts";
import { cachePath } from "../common/cache.ts";
import { readJson, writeAtomically } from "./cache.ts";
import type { Engine } from "./engine.ts";
import { withLock } from "./lock.ts";
import { isCurrentStandIn, placeStandIn, standInKey } from "./stand-in-bundle.ts";
import { runStep, type Report } from "./steps.ts";
import { pluginNames, pluginVersions, type PluginName } from "./versions.ts";

/** The resource plugins that the program needs, and where the engine finds them. */
export interface Plugins {
  /** The engine's home, `PULUMI_HOME`: the project's own, never `~/.pulumi`. */
  pulumiHome: string;
  /** The names of the plugins for which stand-ins take the place, as `random`. */
  standIns: PluginName[];
}

/** How long one plugin's download may take, in seconds. */
const downloadLimitSeconds = 300;
/** How long a download host may take to answer, in seconds. */
const reachLimitSeconds = 8;
/** For how long a failed download is not tried again, in milliseconds. */
const retryAfter = 24 * 60 * 60 * 1000;
/** Where the engine downloads plugins from. Either one is enough. */
const downloadHosts = ["https://api.github.com", "https://get.pulumi.com"];

/**
 * Puts every plugin that the program needs into an engine's home of the project's own: the real
 * one where the engine can download it, and the stand-in where it can't.
 */
export async function ensurePlugins(engine: Engine, report: Report): Promise<Plugins> {
  const pulumiHome = cachePath("pulumi-home");
  const key = await standInKey();
  const ready = await readyPlugins(pulumiHome, key);
  if (ready !== undefined) return ready;
  const lock = { what: "sets up Pulumi's plugins", waitSeconds: 20 * 60, report };
  return withLock("plugins", lock, async () => {
    const made = await readyPlugins(pulumiHome, key);
    if (made !== undefined) return made;
    const reached = await downloadsAreReached(pulumiHome);
    if (!reached) report("Pulumi's plugins can't be downloaded here: stand-ins take their place.");
    const standIns: PluginName[] = [];
    for (const name of pluginNames) {
      const real =
        (await isReal(pulumiHome, name)) || (reached && (await install(engine, name, report)));
      if (real) continue;
      await placeStandIn(placeOf(pulumiHome, name), name, key);
      standIns.push(name);
    }
    if (standIns.length > 0) await rememberFailure(pulumiHome);
    return { pulumiHome, standIns };
  });
}

/** What is there, if it is complete and no download is to be tried again. */
async function readyPlugins(pulumiHome: string, key: string): Promise<Plugins | undefined> {
  const standIns: PluginName[] = [];
  for (const name of pluginNames) {
    if (await isReal(pulumiHome, name)) continue;
    if (!(await isCurrentStandIn(placeOf(pulumiHome, name), name, key))) return undefined;
    standIns.push(name);
  }
  if (standIns.length > 0 && !(await failedLately(pulumiHome))) return undefined;
  return { pulumiHome, standIns };
}

function placeOf(pulumiHome: string, name: PluginName): string {
  return path.join(pulumiHome, "plugins", `resource-${name}-v${pluginVersions[name]}`);
}

/** A plugin that the engine has downloaded whole: an executable that is no script of ours. */
async function isReal(pulumiHome: string, name: PluginName): Promise<boolean> {
  const place = placeOf(pulumiHome, name);
  const unfinished = await stat(`${place}.partial`).catch(() => undefined);
  if (unfinished !== undefined) return false;
  const executable = await stat(path.join(place, `pulumi-resource-${name}`)).catch(() => undefined);
  // The real ones are programs of tens of megabytes, a stand-in's start script has some hundred bytes.
  return executable !== undefined && executable.size > 1024 * 1024;
}

async function install(engine: Engine, name: PluginName, report: Report): Promise<boolean> {
  const version = pluginVersions[name];
  const argv = [engine.pulumi, "plugin", "install", "resource", name, version, "--reinstall"];
  try {
    await runStep(`download Pulumi's plugin ${name} ${version}`, argv as [string, ...string[]], {
      limitSeconds: downloadLimitSeconds,
      report,
      environment: { PULUMI_HOME: cachePath("pulumi-home"), PULUMI_SKIP_UPDATE_CHECK: "1" },
      whenItFails: "Its stand-in takes its place.",
    });
    return await isReal(cachePath("pulumi-home"), name);
  } catch (error) {
    report(messageOf(error));
    return false;
  }
}

/** Whether a download may work. The engine itself would try five times before it gives up. */
async function downloadsAreReached(pulumiHome: string): Promise<boolean> {
  if (await failedLately(pulumiHome)) return false;
  const probes = downloadHosts.map(async (host) => {
    const args = ["--silent", "--head", "--output", "/dev/null"];
    const limit = ["--max-time", String(reachLimitSeconds)];
    const result = await execa("curl", [...args, ...limit, host], {
      reject: false,
      timeout: (reachLimitSeconds + 2) * 1000,
    });
    // Without curl nothing is known, so the engine has to try.
    return !result.failed || result.code === "ENOENT";
  });
  return (await Promise.all(probes)).includes(true);
}

const failureFile = (pulumiHome: string) => path.join(pulumiHome, "download-failed.json");

async function failedLately(pulumiHome: string): Promise<boolean> {
  const record = await readJson(failureFile(pulumiHome));
  if (typeof record !== "object" || record === null || !("at" in record)) return false;
  const age = Date.now() - Number(record.at);
  return age >= 0 && age < retryAfter;
}

async function rememberFailure(pulumiHome: string): Promise<void> {
  if (await failedLately(pulumiHome)) return;
  await writeAtomically(failureFile(pulumiHome), JSON.stringify({ at: Date.now() }));
}
