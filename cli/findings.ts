/** What a preview would refuse and warn of, asked of the same code without a run of Pulumi's. Changes nothing. */
import { messageOf, UserError } from "../common/errors.ts";
import { watch } from "../provider/alerts.ts";
import { backupSchedule } from "../provider/backup-schedule.ts";
import { deployment } from "../provider/deployment.ts";
import { host } from "../provider/host.ts";
import { checkRelease } from "../provider/release.ts";
import type { ReleaseFacts } from "../provider/release-facts.ts";
import type { Resource, ResourceContext } from "../provider/resource.ts";
import type { Wire } from "../provider/codec.ts";
import { TransportError } from "../transport/index.ts";
import { oldsOf, type StackInputs } from "./inputs.ts";

/** What was found. */
export interface Findings {
  /** Each would make `pulumi up` fail. */
  refusals: string[];
  /** What the operator should know. */
  warnings: string[];
}

/**
 * @param known what was read of the release already; undefined: it is read
 * @returns the commit that is meant as well, where it could be found out
 */
export async function findingsOf(
  stackInputs: StackInputs,
  known?: ReleaseFacts,
): Promise<Findings & { commit?: string }> {
  const refusals = new Set<string>();
  const warnings = new Set<string>();
  const context: ResourceContext = {
    urn: "chatalot",
    tell: () => undefined,
    status: () => undefined,
    warn: (text) => void warnings.add(text),
    signal: AbortSignal.timeout(10 * 60_000),
  };
  const refuse = (texts: readonly string[]): void => {
    // Several resources refuse for the same reason where it is the server's.
    for (const text of texts) refusals.add(text);
  };
  const check = async (
    resource: Pick<Resource, "check">,
    inputs: Wire,
    olds: Wire = {},
  ): Promise<Wire | undefined> => {
    try {
      const { additions, refusals: found } = await resource.check(context, olds, inputs);
      refuse(found);
      if (typeof additions.unreachable === "string") {
        refuse([additions.unreachable]);
        return undefined;
      }
      return { ...inputs, ...additions };
    } catch (error) {
      if (!(error instanceof UserError) && !(error instanceof TransportError)) throw error;
      refuse([messageOf(error)]);
      return undefined;
    }
  };
  const reached = await check(host, stackInputs.host);
  const olds = reached === undefined ? {} : await oldsOf(stackInputs.place);
  const release: Pick<Resource, "check"> = {
    check: (...asked) => checkRelease(...asked, known),
  };
  const wanted = await check(release, stackInputs.release, olds);
  if (reached !== undefined && wanted !== undefined)
    await check(deployment, { ...wanted, ...stackInputs.deployment }, olds);
  // As for a first run, which asks the server whatever it has.
  for (const [resource, inputs] of [
    [backupSchedule, stackInputs.schedule],
    [watch, stackInputs.alerts],
  ] as const)
    if (reached !== undefined && inputs !== undefined) await check(resource, inputs);
  const commit = wanted?.commit;
  return {
    refusals: [...refusals],
    warnings: [...warnings],
    ...(typeof commit === "string" ? { commit } : {}),
  };
}
