/**
 * A tag that was moved since it was deployed. The mirror of a machine knows a tag by the commit that it saw
 * first; a machine that never saw it before, such as a new runner, has to ask the stack and the server.
 */
import { parseReference, tagOf } from "../release/reference.ts";
import { movedTagText } from "../release/resolve.ts";
import type { NamedCommit, ServerState } from "../updater/protocol.ts";
import type { Wire } from "./codec.ts";

/**
 * Refuses to follow a tag. One that is written with its commit is followed knowingly.
 *
 * @param olds the inputs of the last run
 * @param found the setting `release`, and the commit that it was resolved to
 * @param state undefined where the server can't be asked
 */
export function movedTagRefusals(
  olds: Wire,
  found: NamedCommit,
  state: Pick<ServerState, "serving" | "lastServing" | "reach"> | undefined,
): string[] {
  const { tag, commit } = parseReference(found.name);
  if (tag === undefined || commit !== undefined) return [];
  const known = deployed(olds, state).filter(({ name }) => tagOf(name) === tag);
  const [first] = known;
  // The new one may have been taken knowingly, and be what this or another stack deployed last.
  if (first === undefined || known.some((release) => release.commit === found.commit)) return [];
  return [movedTagText(tag, first.commit, found.commit, "deployed")];
}

/** What this stack and this server had, the last first. */
function deployed(
  { release: name, commit }: Wire,
  state: Pick<ServerState, "serving" | "lastServing" | "reach"> | undefined,
): NamedCommit[] {
  const { release: last } = state?.lastServing ?? state?.serving ?? {};
  return [
    ...(last === undefined ? [] : [last]),
    ...(typeof name === "string" && typeof commit === "string" ? [{ name, commit }] : []),
    ...(state?.reach?.releases ?? []),
  ];
}
