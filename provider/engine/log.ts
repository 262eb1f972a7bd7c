/** Lines that a plugin shows in the engine's output, beside a resource. */
import * as grpc from "@grpc/grpc-js";
// CommonJS whose names Node can't see: only the whole of it can be imported.
import service from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import proto from "@pulumi/pulumi/proto/engine_pb.js";
import { highlighted } from "../../common/engine-markup.ts";

let client: EngineClient | undefined;

/** Names the engine that the lines go to. */
export function setEngineAddress(address: string): void {
  client?.close();
  client = new service.EngineClient(address, grpc.credentials.createInsecure());
}

export interface LogOptions {
  /** Default: `info`. */
  severity?: "info" | "warning" | "error";
  /** Shown in the resource's status column until the next line comes. Default: false, it stays. */
  isStatus?: boolean;
}

const SEVERITIES = {
  info: proto.LogSeverity.INFO,
  warning: proto.LogSeverity.WARNING,
  error: proto.LogSeverity.ERROR,
};

/** The lines that are on their way: one at a time, since the engine shows them as they come. */
let sent: Promise<void> = Promise.resolve();

/** Shows a line beside a resource; without a URN, beside none. A line that gets lost is no failure. */
export function logLine(urn: string, line: string, options: LogOptions = {}): void {
  const request = new proto.LogRequest();
  request.setSeverity(SEVERITIES[options.severity ?? "info"]);
  request.setUrn(urn);
  request.setMessage(highlighted(line));
  request.setEphemeral(options.isStatus ?? false);
  const engine = client;
  if (engine === undefined) return;
  sent = sent.then(() => new Promise((resolve) => engine.log(request, () => resolve())));
}

/** Resolves when all lines have arrived: the engine drops those that come after a resource's end. */
export function loggedLines(): Promise<void> {
  return sent;
}
