/** `npx chatalot doctor`: what `pulumi up` would refuse, now, in one list. Changes nothing. */
import { UserError } from "../common/errors.ts";
import { stateIfReachable } from "../provider/place.ts";
import type { OpenJob, ServerState } from "../updater/protocol.ts";
import { underWay } from "../updater/texts.ts";
import { type Findings, findingsOf } from "./findings.ts";
import { inputsOfStack, type StackInputs } from "./inputs.ts";

/**
 * Asks the same questions as a preview, of the same code. What needs an earlier run of the stack is left
 * out: this has no state of Pulumi's.
 */
export async function diagnose(stack: string | undefined): Promise<Findings> {
  let stackInputs: StackInputs;
  try {
    stackInputs = await inputsOfStack(stack);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { refusals: [error.message], warnings: [] };
  }
  const { commit, refusals, warnings } = await findingsOf(stackInputs);
  const state = await stateIfReachable({ place: stackInputs.place });
  const busy =
    state?.openJob === undefined ? undefined : findingOfJob(state.openJob, state, commit);
  return {
    refusals: [...refusals, ...(busy?.refusals ?? [])],
    warnings: [...warnings, ...(busy?.warnings ?? [])],
  };
}

/**
 * No preview asks for it, since most jobs have ended by the time of `up`. One to the same release may be what `up`
 * follows, and where that release serves already `up` may have nothing to do: both are for the server to say.
 */
function findingOfJob(
  job: OpenJob,
  { serving }: Pick<ServerState, "serving">,
  commit: string | undefined,
): Partial<Findings> {
  const mayPass = [job.release?.commit, serving?.release?.commit].includes(commit);
  if (!mayPass) return { refusals: [underWay(job)] };
  const what = `${job.kind}${job.release === undefined ? "" : ` to ${job.release.name}`}`;
  return {
    warnings: [
      `Job ${job.sequence} (${what}) of ${job.requestedBy} is under way since ${job.openedAt}, at step ` +
        `${job.step}. Until its end pulumi up can change nothing else.`,
    ],
  };
}

/** For people. */
export function describeDiagnosis({ refusals, warnings }: Findings): string {
  const list = (texts: string[]): string[] =>
    texts.map((text) => `  - ${text.replaceAll("\n", "\n    ")}`);
  return [
    ...(warnings.length === 0 ? [] : ["To know:", ...list(warnings)]),
    ...(refusals.length === 0
      ? ["Nothing is in the way of pulumi up."]
      : ["pulumi up would refuse, now:", ...list(refusals)]),
  ].join("\n");
}
