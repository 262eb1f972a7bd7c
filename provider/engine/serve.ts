/** A plugin's process: how the engine starts it, learns its port, and how it ends with the engine. */
import process from "node:process";
import * as grpc from "@grpc/grpc-js";
import protocol from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { setEngineAddress } from "./log.ts";

/** Messages carry whole files where a program puts them into inputs; this is the SDK's limit. */
const LARGEST_MESSAGE = 400 * 1024 * 1024;

/** How long {@link PluginProcess.end} may take. The engine kills a plugin after 5 seconds. */
const END_TIMEOUT = 4_000;

/** What a plugin's process serves. */
export interface PluginProcess {
  service: grpc.UntypedServiceImplementation;
  /** Ends what the process has open. Called when the engine is gone or interrupts. */
  end(): Promise<void>;
}

/**
 * Serves a plugin to the engine that started this process, until that engine ends.
 *
 * The service is made directly and not with the SDK's `main()`: that one doesn't pass on which
 * properties differ, and loading the whole SDK for it takes half a second of each preview (measured
 * with 3.248).
 */
export async function servePlugin(plugin: PluginProcess): Promise<void> {
  endWithTheEngine(plugin);
  // The last argument; flags for logging and tracing may stand before it.
  const engineAddress = process.argv.slice(2).at(-1);
  if (engineAddress !== undefined) setEngineAddress(engineAddress);
  const server = new grpc.Server({
    "grpc.max_receive_message_length": LARGEST_MESSAGE,
    "grpc.max_send_message_length": LARGEST_MESSAGE,
  });
  server.addService(protocol.ResourceProviderService, plugin.service);
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
function endWithTheEngine(plugin: PluginProcess): void {
  const exit = (): void => {
    setTimeout(() => process.exit(0), END_TIMEOUT).unref();
    void plugin.end().finally(() => process.exit(0));
  };
  process.stdin.on("end", exit).on("close", exit).on("error", exit).resume();
  process.once("SIGINT", exit);
  process.once("SIGTERM", exit);
}
