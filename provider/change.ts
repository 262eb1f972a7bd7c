/** Whether a deployment is to be changed, and how that is said where the release stays the same. */
import { canonicalJson } from "../common/canonical-json.ts";
import type { Configuration, ServerState } from "../updater/protocol.ts";
import { releaseText } from "../updater/texts.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { hasUnseenSettings } from "./other-operators.ts";
import { imageStep, labelled, line, restartStep } from "./plan/render.ts";
import type { ResourceContext } from "./resource.ts";

/**
 * What asks for a change. A new address of the same server does, so that the state has it; the
 * server then answers that nothing is to be done. Limits of the gate don't.
 */
const DECISIVE = ["place", "commit", "migrations", "configuration", "secretEnv"] as const;

/** What a check finds on the server that asks for a change as well. */
const FOUND = ["drift", "opening", "restored"] as const;

/** @param olds what the last run left; its inputs don't tell which jobs it saw */
export function asksForChange(olds: Wire, news: Wire): boolean {
  if (FOUND.some((cause) => news[cause] !== undefined)) return true;
  if (hasUnseenSettings(olds, news)) return true;
  return DECISIVE.some((key) => hasUnknown(news[key]) || !equal(olds[key], news[key]));
}

/** Other settings, with the same release or with another: short, and by name, because values may be secret. */
export function tellSettings(
  context: ResourceContext,
  olds: Wire,
  news: Wire,
  state: ServerState,
): void {
  const { serving } = state;
  const served = serving?.release?.commit;
  if (serving === undefined || served === undefined || olds.commit === undefined) return;
  // Beside another release only what differs from what serves, which another operator's may not.
  if (![olds.commit, news.commit].includes(served)) return;
  if ([news.commit, news.configuration, news.secretEnv].some(hasUnknown)) return;
  const names = changedSettings(olds, news);
  if (names.length === 0) return;
  const how =
    served === news.commit
      ? `; ${restartStep(serving.durations.downtime)}`
      : " with the release, in the same restart";
  const changes = `${names.join(", ")} ${names.length === 1 ? "changes" : "change"}`;
  context.tell(labelled("SETTINGS", `${changes}${how}`));
}

/** A release where none serves and no other one did last: with another one it is an update, told as its plan. */
export function tellFirst(context: ResourceContext, news: Wire, state: ServerState): void {
  const { serving, lastServing, openJob, prepared, measured, foreign } = state;
  // What is there and not of this tool is refused elsewhere.
  if (serving !== undefined || openJob !== undefined || foreign.length > 0) return;
  const last = lastServing?.release?.commit;
  if (last !== undefined && last !== news.commit) return;
  const identity = { name: news.release as string, commit: news.commit as string };
  const which =
    last === undefined
      ? ", the first release on this server"
      : " again: its containers were removed, its data stayed";
  const image = imageStep(prepared.includes(identity.commit), measured?.build);
  context.tell(
    [
      ...line("DEPLOY", `${releaseText(identity)}${which}`),
      ...line("Steps", `${image}; database and chat are started, and have to become healthy`),
      ...line("Failure", "nothing serves, as now"),
    ].join("\n"),
  );
}

/**
 * What is asked for serves already, in every part: said, so that silence is never taken for it.
 *
 * @param olds the outputs of the last run
 */
export function tellNothingToDo(
  context: ResourceContext,
  olds: Wire,
  news: Wire,
  { serving, openJob }: ServerState,
): void {
  const release = serving?.release;
  if (olds.commit === undefined || openJob !== undefined || release?.commit !== news.commit) return;
  const isSame = DECISIVE.every((key) => !hasUnknown(news[key]) && equal(olds[key], news[key]));
  if (release === undefined || !isSame) return;
  context.tell(`NOTHING TO DO  ${releaseText(release)} serves as asked for, and is healthy`);
}

/** Names of variables, and of settings beside them, that differ between two runs. */
function changedSettings(olds: Wire, news: Wire): string[] {
  const flat = (values: Wire): Record<string, unknown> => {
    // The images are told by themselves: they restart other services.
    const {
      env,
      sideImages: _,
      databaseImage: _image,
      ...others
    } = (values.configuration ?? {}) as Configuration;
    return { ...others, ...env, ...(values.secretEnv as Record<string, string> | undefined) };
  };
  const [before, after] = [flat(olds), flat(news)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => !equal(before[name], after[name]))
    .sort();
}

function equal(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}
