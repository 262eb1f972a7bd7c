/** Translates between the engine's calls and a provider's methods. Nothing else happens here. */
import * as grpc from "@grpc/grpc-js";
// CommonJS whose names Node can't see: only the whole of it can be imported.
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import type { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb.js";
import proto from "@pulumi/pulumi/proto/provider_pb.js";
import type * as message from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { Wire } from "../codec.ts";
import { setEngineAddress } from "./log.ts";
import { plain, struct } from "./struct.ts";
import { unary } from "./unary.ts";

export interface CheckResult {
  inputs: Wire;
  /** The property is a name of an input, or empty where it is about all of them. */
  failures: { property: string; reason: string }[];
}

export interface DiffResult {
  changes: boolean;
}

export interface CreateResult {
  id: string;
  outs: Wire;
}

/** Without an id the resource is gone. */
export interface ReadResult {
  id?: string;
  props?: Wire;
}

export interface UpdateResult {
  outs: Wire;
}

/** A provider as this service serves it. Values are the engine's: secrets are in their envelopes. */
export interface Provider {
  readonly version: string;
  /** What of a configuration makes a difference, as a text to compare. */
  configuration(values: Wire): string;
  /** Called before everything else that is asked of it. */
  configure(values: Wire): void;
  check(urn: string, olds: Wire, news: Wire): Promise<CheckResult>;
  diff(id: string, urn: string, olds: Wire, news: Wire): Promise<DiffResult>;
  create(urn: string, inputs: Wire): Promise<CreateResult>;
  read(id: string, urn: string, props: Wire): Promise<ReadResult>;
  update(id: string, urn: string, olds: Wire, news: Wire): Promise<UpdateResult>;
  delete(id: string, urn: string, props: Wire): Promise<void>;
  /** Called on the operator's interrupt, and at every normal end as well. */
  cancel(): Promise<void>;
}

/** Makes the engine's service of a provider. What a provider without functions lacks is refused by gRPC. */
export function makeService(provider: Provider): grpc.UntypedServiceImplementation {
  return {
    getPluginInfo: unary(async (_request: object) =>
      new plugin.PluginInfo().setVersion(provider.version),
    ),
    attach: unary(async (request: PluginAttach) => {
      setEngineAddress(request.getAddress());
      return new empty.Empty();
    }),
    getSchema: unary(async (_request: object) => new proto.GetSchemaResponse().setSchema("{}")),
    checkConfig: unary(async (request: message.CheckRequest) =>
      new proto.CheckResponse().setInputs(request.getNews()),
    ),
    // Never a replacement: another configuration is another way to the same resources.
    diffConfig: unary(async (request: message.DiffRequest) => {
      const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
      const [olds, news] = [plain(request.getOlds()), plain(request.getNews())];
      const isSame = provider.configuration(olds) === provider.configuration(news);
      return new proto.DiffResponse().setChanges(isSame ? DIFF_NONE : DIFF_SOME);
    }),
    configure: unary(async (request: message.ConfigureRequest) => {
      provider.configure(plain(request.getArgs()));
      const response = new proto.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setAcceptresources(true);
      // Outputs as such are not asked for: in a preview an unknown one comes as its marker.
      return response;
    }),
    cancel: unary(async (_request: object) => {
      await provider.cancel();
      return new empty.Empty();
    }),

    check: unary(async (request: message.CheckRequest) => {
      const { inputs, failures } = await provider.check(
        request.getUrn(),
        plain(request.getOlds()),
        plain(request.getNews()),
      );
      const list = failures.map(({ property, reason }) =>
        new proto.CheckFailure().setProperty(property).setReason(reason),
      );
      return new proto.CheckResponse().setInputs(struct(inputs)).setFailuresList(list);
    }),
    diff: unary(async (request: message.DiffRequest) => {
      const { changes } = await provider.diff(
        request.getId(),
        request.getUrn(),
        plain(request.getOlds()),
        plain(request.getNews()),
      );
      const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
      return new proto.DiffResponse().setChanges(changes ? DIFF_SOME : DIFF_NONE);
    }),
    create: unary(async (request: message.CreateRequest) => {
      const { id, outs } = await provider.create(request.getUrn(), plain(request.getProperties()));
      return new proto.CreateResponse().setId(id).setProperties(struct(outs));
    }),
    read: unary(async (request: message.ReadRequest) => {
      const { id, props } = await provider.read(
        request.getId(),
        request.getUrn(),
        plain(request.getProperties()),
      );
      const response = new proto.ReadResponse();
      if (id !== undefined) response.setId(id).setProperties(struct(props ?? {}));
      return response;
    }),
    update: unary(async (request: message.UpdateRequest) => {
      const { outs } = await provider.update(
        request.getId(),
        request.getUrn(),
        plain(request.getOlds()),
        plain(request.getNews()),
      );
      return new proto.UpdateResponse().setProperties(struct(outs));
    }),
    delete: unary(async (request: message.DeleteRequest) => {
      await provider.delete(request.getId(), request.getUrn(), plain(request.getProperties()));
      return new empty.Empty();
    }),
  };
}
