/** What the resources of a stack would be given now, for commands that ask the same as a preview. */
import type { Wire } from "../provider/codec.ts";
import { UNKNOWN } from "../provider/engine/markers.ts";
import { deploymentInputs, hostInputs, releaseInputs, variableNames } from "../provider/inputs.ts";
import { stateIfReachable } from "../provider/place.ts";
import { setVariables } from "../provider/missing-settings.ts";
import type { ServerPlace } from "../provider/server/remote-server.ts";
import { configurationOf, gateOf } from "../settings/configuration.ts";
import type { Settings } from "../settings/parse.ts";
import { valuesWithNames } from "./stack.ts";

export interface StackInputs {
  settings: Settings;
  place: ServerPlace;
  /** The release that is meant. */
  reference: string;
  host: Wire;
  release: Wire;
  /** Without what the release gives it. */
  deployment: Wire;
  /** What the server does by the clock, and whom it tells; absent: nothing and nobody. */
  schedule?: Wire;
  alerts?: Wire;
  /** The names of all variables that are set; undefined where they can't be known. */
  set: ReadonlySet<string> | undefined;
}

/** @param wanted the release; the one that the stack names where undefined */
export async function inputsOfStack(
  stack: string | undefined,
  wanted?: string,
): Promise<StackInputs> {
  const { settings, place, secretNames } = await valuesWithNames(stack);
  const reference = wanted ?? settings.release;
  const configuration = configurationOf(settings);
  const names = secretNames && variableNames(configuration, secretNames);
  return {
    ...{ settings, place, reference },
    host: hostInputs({ ...settings, place }),
    release: releaseInputs({ ...settings, place, release: reference }, names ?? UNKNOWN),
    deployment: deploymentInputs({
      ...settings,
      ...{ place, configuration, gate: gateOf(settings.health), secrets: UNKNOWN },
      // The names alone are looked at; the values are not read for it.
      secretEnv:
        secretNames === undefined
          ? UNKNOWN
          : Object.fromEntries(secretNames.map((name) => [name, ""])),
    }),
    ...(settings.schedule === undefined
      ? {}
      : { schedule: { place, schedule: settings.schedule } }),
    ...(settings.alerts === undefined ? {} : { alerts: { place, alerts: settings.alerts } }),
    set: names && setVariables(names, configuration.url !== undefined),
  };
}

/**
 * What a check is told of earlier runs: this has no state of Pulumi's, and takes the instance that is there
 * for the stack's own. Empty where there is none.
 */
export async function oldsOf(place: ServerPlace): Promise<Wire> {
  const instanceId = (await stateIfReachable({ place }))?.instanceId;
  return instanceId === undefined ? {} : { instanceId };
}
