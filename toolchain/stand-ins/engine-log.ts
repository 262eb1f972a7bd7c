import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb.js";

let client: EngineClient | undefined;

/** Names the engine that the lines below go to. */
export function setEngineAddress(address: string): void {
  client?.close();
  client = new EngineClient(address, grpc.credentials.createInsecure());
}

/** Shows a line beside a resource in the engine's output. A line that gets lost is no failure. */
export function logLine(urn: string, line: string): void {
  const request = new LogRequest();
  request.setSeverity(LogSeverity.INFO);
  request.setUrn(urn);
  request.setMessage(line);
  client?.log(request, () => undefined);
}
