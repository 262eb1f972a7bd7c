/** Between Protocol Buffers' structs and plain objects. */
import proto from "google-protobuf/google/protobuf/struct_pb.js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import type { Wire } from "../codec.ts";

export function plain(values: Struct | undefined): Wire {
  return values?.toJavaScript() ?? {};
}

export function struct(values: Wire): Struct {
  return proto.Struct.fromJavaScript(values as Parameters<typeof proto.Struct.fromJavaScript>[0]);
}
