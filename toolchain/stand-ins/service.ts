import * as grpc from "@grpc/grpc-js";
import { PluginInfo, type PluginAttach } from "@pulumi/pulumi/proto/plugin_pb.js";
import * as proto from "@pulumi/pulumi/proto/provider_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { changes, type Change } from "./compare.ts";
import { setEngineAddress } from "../../provider/engine/log.ts";
import { plain, struct } from "../../provider/engine/struct.ts";
import { unary } from "../../provider/engine/unary.ts";
import { typeToken } from "../../provider/engine/urn.ts";
import { inputNotCovered, operationNotCovered, typeNotCovered } from "./messages.ts";
import { endProcesses } from "./processes.ts";
import type { Failure, ResourceType, StandIn } from "./resource-type.ts";
import { decode, encode, type Decoded, type Properties } from "./values.ts";

/** Makes the engine's provider service of a stand-in. Methods that are missing are refused. */
export function makeService(standIn: StandIn, version: string): grpc.UntypedServiceImplementation {
  const { configuration } = standIn;
  const typeOf = (urn: string): ResourceType => {
    const token = typeToken(urn);
    const type = standIn.types[token];
    if (type === undefined) throw new Error(typeNotCovered(standIn.name, token));
    return type;
  };
  const uncovered = (covered: readonly string[], inputs: Properties): Failure[] =>
    Object.keys(inputs)
      .filter((input) => !covered.includes(input))
      .map((property) => ({ property, reason: inputNotCovered(standIn.name, property) }));
  const refuse = (operation: (request: { getTok(): string }) => string) =>
    unary(async (request: { getTok(): string }): Promise<Empty> => {
      throw new Error(operationNotCovered(standIn.name, operation(request)));
    });

  return {
    getPluginInfo: unary(async (_request: Empty) => new PluginInfo().setVersion(version)),
    attach: unary(async (request: PluginAttach) => {
      setEngineAddress(request.getAddress());
      return new Empty();
    }),
    getSchema: unary(async (_request: Empty) => new proto.GetSchemaResponse().setSchema("{}")),
    cancel: unary(async (_request: Empty) => {
      endProcesses();
      return new Empty();
    }),
    invoke: refuse((request) => request.getTok()),
    call: refuse((request) => request.getTok()),

    checkConfig: unary(async (request: proto.CheckRequest) => {
      const { values } = decoded(request.getNews());
      // The engine itself adds these to every provider's inputs.
      const covered = [...(configuration?.inputs ?? []), "version", "pluginDownloadURL"];
      const failures = [...uncovered(covered, values), ...(configuration?.check(values) ?? [])];
      return checkResponse(request.getNews(), failures);
    }),
    diffConfig: unary(async (request: proto.DiffRequest) => {
      const state = decoded(request.getOlds()).values;
      const inputs = decoded(request.getNews()).values;
      // Another way to the same server is no reason to make everything anew, so nothing replaces.
      const like = { inputs: configuration?.inputs ?? [], replacedBy: [] };
      return diffResponse(changes({ ...like, create: notCalled }, state, inputs), false);
    }),
    configure: unary(async (request: proto.ConfigureRequest) => {
      configuration?.configure(decoded(request.getArgs()).values);
      const response = new proto.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setAcceptresources(true);
      // Without this the engine makes up a preview's outputs from the inputs, as is needed here.
      response.setSupportspreview(false);
      return response;
    }),

    check: unary(async (request: proto.CheckRequest) => {
      const type = typeOf(request.getUrn());
      const { values } = decoded(request.getNews());
      const failures = [...uncovered(type.inputs, values), ...(type.check?.(values) ?? [])];
      return checkResponse(request.getNews(), failures);
    }),
    diff: unary(async (request: proto.DiffRequest) => {
      const type = typeOf(request.getUrn());
      const state = decoded(request.getOlds()).values;
      const inputs = decoded(request.getNews()).values;
      const ignored = new Set(request.getIgnorechangesList());
      const found = changes(type, state, inputs).filter(({ property }) => !ignored.has(property));
      return diffResponse(found, type.deletesFirst?.(inputs, state) ?? false);
    }),
    create: unary(async (request: proto.CreateRequest) => {
      const inputs = decoded(request.getProperties());
      const made = await typeOf(request.getUrn()).create(request.getUrn(), inputs);
      const response = new proto.CreateResponse();
      response.setId(made.id);
      response.setProperties(encoded(made.outputs, [...inputs.secrets, ...(made.secrets ?? [])]));
      return response;
    }),
    read: unary(async (request: proto.ReadRequest) => {
      const type = typeOf(request.getUrn());
      const state = decoded(request.getProperties());
      if (Object.keys(state.values).length === 0) {
        const operation = `an import of ${typeToken(request.getUrn())}`;
        throw new Error(operationNotCovered(standIn.name, operation));
      }
      const response = new proto.ReadResponse();
      response.setInputs(request.getInputs());
      if (type.read === undefined) {
        return response.setId(request.getId()).setProperties(request.getProperties());
      }
      const outputs = await type.read({ id: request.getId(), urn: request.getUrn(), state });
      // An empty id says that the resource is gone.
      if (outputs === undefined) return response;
      return response.setId(request.getId()).setProperties(encoded(outputs, state.secrets));
    }),
    update: unary(async (request: proto.UpdateRequest) => {
      const type = typeOf(request.getUrn());
      if (type.update === undefined) {
        const operation = `an update of ${typeToken(request.getUrn())}`;
        throw new Error(operationNotCovered(standIn.name, operation));
      }
      const state = decoded(request.getOlds());
      const inputs = decoded(request.getNews());
      const resource = { id: request.getId(), urn: request.getUrn(), state };
      const made = await type.update(resource, inputs);
      const response = new proto.UpdateResponse();
      const secrets = [...inputs.secrets, ...(made.secrets ?? [])];
      return response.setProperties(encoded(made.outputs, secrets));
    }),
    delete: unary(async (request: proto.DeleteRequest) => {
      const state = decoded(request.getProperties());
      await typeOf(request.getUrn()).delete?.({
        id: request.getId(),
        urn: request.getUrn(),
        state,
      });
      return new Empty();
    }),
  };
}

async function notCalled(): Promise<never> {
  throw new Error("a provider's configuration makes nothing");
}

function decoded(properties: Struct | undefined): Decoded {
  return decode(plain(properties));
}

function encoded(outputs: Properties, secrets: Iterable<string>): Struct {
  return struct(encode(outputs, secrets));
}

function checkResponse(inputs: Struct | undefined, failures: Failure[]): proto.CheckResponse {
  const response = new proto.CheckResponse();
  response.setInputs(inputs);
  const list = failures.map(({ property, reason }) =>
    new proto.CheckFailure().setProperty(property).setReason(reason),
  );
  return response.setFailuresList(list);
}

function diffResponse(found: Change[], deletesFirst: boolean): proto.DiffResponse {
  const response = new proto.DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
  response.setChanges(found.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList(found.map(({ property }) => property));
  const replaces = found.filter((change) => change.replaces);
  response.setReplacesList(replaces.map(({ property }) => property));
  response.setDeletebeforereplace(deletesFirst && replaces.length > 0);
  response.setHasdetaileddiff(true);
  for (const change of found) {
    const difference = new proto.PropertyDiff().setKind(kindOf(change)).setInputdiff(false);
    response.getDetaileddiffMap().set(change.property, difference);
  }
  return response;
}

function kindOf({ kind, replaces }: Change): proto.PropertyDiff.Kind {
  const kinds = proto.PropertyDiff.Kind;
  switch (kind) {
    case "add":
      return replaces ? kinds.ADD_REPLACE : kinds.ADD;
    case "delete":
      return replaces ? kinds.DELETE_REPLACE : kinds.DELETE;
    case "update":
      return replaces ? kinds.UPDATE_REPLACE : kinds.UPDATE;
  }
}
