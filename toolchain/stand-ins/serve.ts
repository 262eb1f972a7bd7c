import { servePlugin } from "../../provider/engine/serve.ts";
import { endProcesses } from "./processes.ts";
import { makeService } from "./service.ts";
import type { StandIn } from "./resource-type.ts";

/** Serves a stand-in to the engine that started this process, until that engine ends. */
export async function serve(standIn: StandIn, version: string): Promise<void> {
  await servePlugin({
    service: makeService(standIn, version),
    end: async () => endProcesses(),
  });
}
