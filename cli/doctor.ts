/** `npx chatalot doctor`: what `pulumi up` would refuse, now, in one list. Changes nothing. */
import { messageOf, UserError } from "../common/errors.ts";
import { deployment } from "../provider/deployment.ts";
import { host } from "../provider/host.ts";
import { release } from "../provider/release.ts";
import type { Resource, ResourceContext } from "../provider/resource.ts";
import type { Wire } from "../provider/codec.ts";
import { TransportError } from "../transport/index.ts";
import { inputsOfStack, oldsOf } from "./inputs.ts";

/** What was found. */
export interface Diagnosis {
  /** Each would make `pulumi up` fail. */
  refusals: string[];
  /** What the operator should know. */
  warnings: string[];
}

/**
 * Asks the same questions as a preview, of the same code. What needs an earlier run of the stack is left
 * out: this has no state of Pulumi's.
 */
export async function diagnose(stack: string | undefined): Promise<Diagnosis> {
  const found: Diagnosis = { refusals: [], warnings: [] };
  const stackInputs = await inputsOfStack(stack).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    found.refusals.push(error.message);
    return undefined;
  });
  if (stackInputs === undefined) return found;
  const check = async (
    resource: Resource,
    inputs: Wire,
    olds: Wire = {},
  ): Promise<Wire | undefined> => {
    try {
      const { additions, refusals } = await resource.check(collecting(found), olds, inputs);
      found.refusals.push(...refusals);
      if (typeof additions.unreachable === "string") {
        found.refusals.push(additions.unreachable);
        return undefined;
      }
      return { ...inputs, ...additions };
    } catch (error) {
      if (!(error instanceof UserError) && !(error instanceof TransportError)) throw error;
      found.refusals.push(messageOf(error));
      return undefined;
    }
  };
  const reached = await check(host, stackInputs.host);
  const olds = reached === undefined ? {} : await oldsOf(stackInputs.place);
  const wanted = await check(release, stackInputs.release, olds);
  if (reached !== undefined && wanted !== undefined)
    await check(deployment, { ...wanted, ...stackInputs.deployment }, olds);
  // Several resources refuse for the same reason where it is the server's.
  return {
    refusals: [...new Set(found.refusals)],
    warnings: [...new Set(found.warnings)],
  };
}

/** For people. */
export function describeDiagnosis({ refusals, warnings }: Diagnosis): string {
  const list = (texts: string[]): string[] =>
    texts.map((text) => `  - ${text.replaceAll("\n", "\n    ")}`);
  return [
    ...(warnings.length === 0 ? [] : ["To know:", ...list(warnings)]),
    ...(refusals.length === 0
      ? ["Nothing is in the way of pulumi up."]
      : ["pulumi up would refuse, now:", ...list(refusals)]),
  ].join("\n");
}

function collecting({ warnings }: Diagnosis): ResourceContext {
  return {
    urn: "chatalot doctor",
    tell: () => undefined,
    status: () => undefined,
    warn: (text) => void warnings.push(text),
    signal: AbortSignal.timeout(10 * 60_000),
  };
}
