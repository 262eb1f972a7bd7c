import type { Decoded, Properties } from "./values.ts";

/** One input that can't be used. */
export interface Failure {
  property: string;
  reason: string;
}

/** A resource as the engine knows it. */
export interface Resource {
  id: string;
  urn: string;
  /** What the state has of it. */
  state: Decoded;
}

export interface Made {
  id: string;
  outputs: Properties;
  /** Outputs that are secret although no input of this name is. */
  secrets?: readonly string[];
}

/** What a stand-in does for one resource type. Every method may throw; its message is shown. */
export interface ResourceType {
  /** The inputs that are covered. Any other one is refused by its name. */
  inputs: readonly string[];

  /** Looks for inputs that can't work. Values may be unknown. */
  check?(inputs: Properties): Failure[];

  /** The outputs that an input is compared with, where that is not the output of the same name. */
  wanted?(inputs: Properties): Properties;

  /** The inputs whose change needs another resource. */
  replacedBy: readonly string[];

  /** Whether the old resource has to go before the new one is made. */
  deletesFirst?(inputs: Properties, state: Properties): boolean;

  create(urn: string, inputs: Decoded): Promise<Made>;

  /** Reads what is really there; undefined when it is gone. Default: it is as the state says. */
  read?(resource: Resource): Promise<Properties | undefined>;

  /** Only called for a change that does not replace. */
  update?(resource: Resource, inputs: Decoded): Promise<Omit<Made, "id">>;

  delete?(resource: Resource): Promise<void>;
}

/** A provider's configuration; only docker has one. */
export interface ProviderConfiguration {
  inputs: readonly string[];
  check(inputs: Properties): Failure[];
  configure(inputs: Properties): void;
}

/** A stand-in for one of Pulumi's plugins. */
export interface StandIn {
  /** The plugin's name, as `random`. */
  name: string;
  /** Resource types by their token, as `random:index/randomPassword:RandomPassword`. */
  types: Readonly<Record<string, ResourceType>>;
  configuration?: ProviderConfiguration;
}
