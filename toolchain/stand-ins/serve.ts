import * as grpc from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import process from "node:process";
import { setEngineAddress } from "./engine-log.ts";
import { endProcesses } from "./processes.ts";
import { makeService } from "./service.ts";
import type { StandIn } from "./resource-type.ts";

/** Messages carry whole files where a program puts them into inputs; this is the SDK's limit. */
const largestMessage = 400 * 1024 * 1024;

/**
 * Serves a stand-in to the engine that started this process, until that engine ends.
 *
 * The service is made directly and not with the SDK's `main()`, since that one keeps the
 * provider's configuration to itself and can't say which properties differ.
 */
export async function serve(standIn: StandIn, version: string): Promise<void> {
  endWithTheEngine();
  // The last argument; flags for logging and tracing may stand before it.
  const engineAddress = process.argv.slice(2).at(-1);
  if (engineAddress !== undefined) setEngineAddress(engineAddress);
  const server = new grpc.Server({
    "grpc.max_receive_message_length": largestMessage,
    "grpc.max_send_message_length": largestMessage,
  });
  server.addService(ResourceProviderService, makeService(standIn, version));
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  // The engine reads the port from the first line.
  process.stdout.write(`${port}\n`);
}

/** An engine that was killed closes our standard input: nobody would end this process otherwise. */
function endWithTheEngine(): void {
  const end = () => {
    endProcesses();
    process.exit(0);
  };
  process.stdin.on("end", end).on("close", end).on("error", end).resume();
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}
