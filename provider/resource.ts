import type { Wire } from "./codec.ts";

/** What a resource is given besides its values. */
export interface ResourceContext {
  urn: string;
  /** A line that stays in the operator's output. */
  tell(text: string): void;
  /** A warning that stays in the operator's output. */
  warn(text: string): void;
  /** A line for the status column, replaced by the next. */
  status(text: string): void;
  /** Aborted when the operator interrupts. What goes on at the server goes on. */
  signal: AbortSignal;
}

/** What a check came to. */
export interface Checked {
  additions: Wire;
  refusals: string[];
  /**
   * Says what can be said only by the outputs of the last run, which the engine gives to a diff alone. Called
   * once, by the diff that follows, where that refuses nothing.
   */
  announce?: (outputs: Wire) => void;
}

/**
 * One type of resource. All values are plain: secrets are taken out of their envelopes, and outputs
 * that are to be encrypted are put into one with `secret`.
 */
export interface Resource {
  /**
   * Runs in every preview and before every change. What it adds is part of the inputs from then on,
   * which is how a preview shows it.
   *
   * Each refusal is a reason for which the preview fails.
   *
   * @param olds the inputs of the last run; empty before the first
   * @param news the inputs of this run; values that are not known yet are recognised by `hasUnknown`
   */
  check(context: ResourceContext, olds: Wire, news: Wire): Promise<Checked>;
  /** Whether the outputs of the last run differ from what is asked for now. */
  diff(olds: Wire, news: Wire): boolean;
  create(context: ResourceContext, inputs: Wire): Promise<{ id: string; outputs: Wire }>;
  /** The outputs as they are now; undefined where the resource is gone. */
  read(context: ResourceContext, outputs: Wire): Promise<Wire | undefined>;
  update(context: ResourceContext, olds: Wire, news: Wire): Promise<Wire>;
  delete(context: ResourceContext, outputs: Wire): Promise<void>;
}

/**
 * A change that was begun and goes on without this process. The engine keeps the resource with these
 * outputs and changes it again next time.
 */
export class UnfinishedError extends Error {
  override readonly name = "UnfinishedError";
  readonly reasons: string[];

  constructor(
    message: string,
    /** The engine takes an error with an id for a resource that is there but not finished. */
    readonly id: string,
    readonly properties: Wire,
  ) {
    super(message);
    this.reasons = [message];
  }
}
