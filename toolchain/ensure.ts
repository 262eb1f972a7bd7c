// Sets up everything that the demo and the tests need and prints what is there.
import process from "node:process";
import { UserError } from "../common/errors.ts";
import { ensureDocker, ensureToolchain } from "./index.ts";
import { pluginNames, pluginVersions } from "./versions.ts";

const print = (line: string) => console.log(line);

async function main(): Promise<void> {
  let started = Date.now();
  const took = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
  const { engine, standIns } = await ensureToolchain(print);
  const sources = {
    path: "found on the PATH",
    installer: "from Pulumi's installer",
    built: "built here with Go",
  };
  print(`Engine   Pulumi ${engine.version}, ${sources[engine.source]}`);
  const plugins = pluginNames.map((name) => {
    const kind = standIns.includes(name) ? "stand-in" : "real";
    return `${name} ${pluginVersions[name]} (${kind})`;
  });
  print(`Plugins  ${plugins.join(", ")}`);
  print(`         ready in ${took()}`);
  started = Date.now();
  const docker = await ensureDocker(print);
  print(`Docker   ${docker.version}${docker.startedHere ? ", started by this project" : ""}`);
  print(`         ready in ${took()}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
