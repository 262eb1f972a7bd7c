/** How a call of the engine is answered, and how an error reads. */
import * as grpc from "@grpc/grpc-js";
import proto from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import { UnfinishedError } from "../resource.ts";
import { loggedLines } from "./log.ts";
import { struct } from "./struct.ts";

/** Answers a call when its lines have arrived; an error is its message, without a stack. */
export function unary<Request, Response>(
  handle: (request: Request) => Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    handle(call.request).then(
      async (response) => {
        await loggedLines();
        callback(null, response);
      },
      async (error: unknown) => {
        await loggedLines();
        callback(failure(error));
      },
    );
  };
}

function failure(error: unknown): Partial<grpc.StatusObject> {
  const details = error instanceof Error ? error.message : String(error);
  const answer = { code: grpc.status.UNKNOWN, details };
  return error instanceof UnfinishedError ? { ...answer, metadata: unfinished(error) } : answer;
}

/** The engine looks for details beside the error: with them it keeps the resource as one to finish. */
function unfinished({ message, id, properties, reasons }: UnfinishedError): grpc.Metadata {
  const kept = new proto.ErrorResourceInitFailed();
  kept.setId(id).setProperties(struct(properties)).setReasonsList(reasons);
  const details = new any.Any();
  details.pack(kept.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const answer = new status.Status().setCode(grpc.status.UNKNOWN).setMessage(message);
  answer.addDetails(details);
  const metadata = new grpc.Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(answer.serializeBinary()));
  return metadata;
}
