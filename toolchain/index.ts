import path from "node:path";
import process from "node:process";
import { ensureEngine, type Engine } from "./engine.ts";
import { ensurePlugins } from "./plugins.ts";
import type { Report } from "./steps.ts";
import type { PluginName } from "./versions.ts";

export { ensureDocker, type DockerDaemon } from "./docker.ts";
export { ensureEngine, type Engine } from "./engine.ts";
export { ensurePlugins, type Plugins } from "./plugins.ts";
export type { Report } from "./steps.ts";

/** What runs this project's Pulumi program. */
export interface Toolchain {
  engine: Engine;
  /** The names of the plugins for which stand-ins take the place. Empty where all are real. */
  standIns: PluginName[];
  /**
   * The variables with which `pulumi` is to be run, to be laid over this process's own. They do
   * not name a backend or a passphrase.
   */
  environment: Record<string, string>;
}

/**
 * Makes sure that the Pulumi program can be run on this machine: an engine and its plugins. Takes
 * minutes the first time where the engine has to be built, and a tenth of a second later on.
 */
export async function ensureToolchain(report: Report): Promise<Toolchain> {
  const engine = await ensureEngine(report);
  const { pulumiHome, standIns } = await ensurePlugins(engine, report);
  const environment: Record<string, string> = {
    PATH: `${engine.directory}${path.delimiter}${process.env.PATH ?? ""}`,
    PULUMI_HOME: pulumiHome,
    PULUMI_SKIP_UPDATE_CHECK: "1",
  };
  // The engine would try to download what the stand-ins don't cover, for a long time.
  if (standIns.length > 0) environment.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION = "true";
  return { engine, standIns, environment };
}
