/** The alerts of an instance: set, removed, looked at, tried. */
import { canonicalJson } from "../../common/canonical-json.ts";
import { readFileIfThere, removeDurably, writeFileDurably } from "../files.ts";
import { readInstance, removalRefusals } from "../instance.ts";
import { type InstancePaths, instancePaths } from "../paths.ts";
import type { ForeseenTimers, RemovedAnswer, RemoveTimersRequest } from "../protocol.ts";
import { noInstance } from "../submit.ts";
import { installUnits, removeUnits, unitDrift } from "../unit-files.ts";
import type { Memory } from "./decide.ts";
import { channelProblems, channelsOf, deliver } from "./deliver.ts";
import { testLetter } from "./letter.ts";
import {
  type AlertSettings,
  alertsSchema,
  type AlertsRequest,
  type AlertState,
  CONDITIONS,
  type ForeseeAlertsRequest,
  type SetAlertsAnswer,
  type SetAlertsRequest,
} from "./protocol.ts";
import { alertsUnit, alertsUnitFiles } from "./units.ts";

/** What the last look left. */
export interface Watched {
  at: string;
  memory: Memory;
  /** What could not be sent, or why nothing could be looked at. */
  problems: string[];
}

/** A message is sent to each new address: one that can't be reached is refused, and what was set before stays. */
export async function setAlerts({ directory, alerts }: SetAlertsRequest): Promise<SetAlertsAnswer> {
  const paths = instancePaths(directory);
  const instance = await readInstance(paths);
  if (instance === undefined) return { answer: "refused", reasons: [noInstance(paths)] };
  const reasons = await channelProblems(alerts);
  const before = await readAlertSettings(paths);
  if (reasons.length === 0 && !hasSameChannels(before, alerts))
    for (const problem of await deliver(alerts, testLetter({ directory, instanceId: instance.id })))
      reasons.push(`A message to try the alerts could not be sent by ${problem}.`);
  if (reasons.length > 0) return { answer: "refused", reasons };
  // What is wanted is written first: a kill between the two is seen as drift.
  await writeFileDurably(paths.alerts, JSON.stringify(alerts));
  await installUnits(alertsUnitFiles(directory, alerts.every));
  return { answer: "set" };
}

/** What {@link setAlerts} would refuse now. Reads only, and sends nothing. */
export async function foreseeAlerts({
  directory,
  mail,
}: ForeseeAlertsRequest): Promise<ForeseenTimers> {
  const paths = instancePaths(directory);
  const [instance, problems, before] = await Promise.all([
    readInstance(paths),
    channelProblems({ mail }),
    readAlertSettings(paths),
  ]);
  return {
    refusals: [...(instance === undefined ? [noInstance(paths)] : []), ...problems],
    isSet: before?.mail === mail,
  };
}

function hasSameChannels(before: AlertSettings | undefined, now: AlertSettings): boolean {
  const channels = ({ webhook, mail }: Partial<AlertSettings>): string =>
    canonicalJson({ webhook: webhook ?? null, mail: mail ?? null });
  return channels(before ?? {}) === channels(now);
}

/** Nothing is told from then on. */
export async function removeAlerts(request: RemoveTimersRequest): Promise<RemovedAnswer> {
  const paths = instancePaths(request.directory);
  const reasons = await removalRefusals(paths, request.instanceId);
  if (reasons.length > 0) return { answer: "refused", reasons };
  await removeUnits([alertsUnit(paths.directory)]);
  await removeDurably(paths.alerts);
  await removeDurably(paths.watched);
  return { answer: "removed" };
}

/** @returns why a message to try the alerts could not be sent; none where it went well by every way */
export async function testAlerts({ directory }: AlertsRequest): Promise<string[]> {
  const paths = instancePaths(directory);
  const [instance, settings] = await Promise.all([readInstance(paths), readAlertSettings(paths)]);
  if (instance === undefined || settings === undefined)
    return ["no alerts are set: set alerts.webhook or alerts.mail, then pulumi up"];
  return deliver(settings, testLetter({ directory, instanceId: instance.id }));
}

/** Undefined where none are sent. */
export async function readAlerts(paths: InstancePaths): Promise<AlertState | undefined> {
  const settings = await readAlertSettings(paths);
  if (settings === undefined) return undefined;
  const [drift, watched] = await Promise.all([
    unitDrift(alertsUnitFiles(paths.directory, settings.every)),
    readWatched(paths),
  ]);
  return {
    channels: channelsOf(settings),
    ...(watched === undefined ? {} : { lookedAt: watched.at }),
    told: CONDITIONS.flatMap((name) => {
      const known = watched?.memory[name];
      if (known?.toldAt === undefined || known.isOver === true) return [];
      return [{ name, text: known.text, since: known.since }];
    }),
    drift,
    problems: watched?.problems ?? [],
  };
}

export async function readAlertSettings(paths: InstancePaths): Promise<AlertSettings | undefined> {
  const text = await readFileIfThere(paths.alerts);
  return text === undefined ? undefined : alertsSchema.parse(JSON.parse(text));
}

export async function readWatched(paths: InstancePaths): Promise<Watched | undefined> {
  const text = await readFileIfThere(paths.watched);
  return text === undefined ? undefined : (JSON.parse(text) as Watched);
}
