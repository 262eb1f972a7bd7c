import { cpus, release, totalmem } from "node:os";
import type { DemoServer } from "../demo/server/index.ts";
import type { Toolchain } from "../toolchain/index.ts";

/** What the figures depend on, without names of hosts. */
export async function machineOf(server: DemoServer, toolchain: Toolchain): Promise<string[]> {
  const [model] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  // Without what a distributor has added to it.
  const [kernel = "of unknown version"] = release().split("-");
  return [
    `${cpus().length} cores (${model?.model.trim() || "unknown processor"}), ${memory} GiB of memory, Linux ${kernel}`,
    `Node ${process.versions.node}, Pulumi ${toolchain.engine.version}, state in a folder`,
    `the server: a container on the same machine, Docker ${await versionOn(server, ["docker", "version", "--format", "{{.Server.Version}}"])}, ` +
      `Compose ${await versionOn(server, ["docker", "compose", "version", "--short"])}`,
    ...(toolchain.standIns.length === 0
      ? []
      : [`stand-ins for the Pulumi plugins ${toolchain.standIns.join(", ")}`]),
  ];
}

async function versionOn(server: DemoServer, argv: readonly string[]): Promise<string> {
  return (await server.exec(argv, { timeout: 30_000 })).stdout.trim();
}
