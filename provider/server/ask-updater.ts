/** Questions to the updater, which is put on the server where it is missing, or is only asked where it is there. */
import { createHash } from "node:crypto";
import type { RunOptions } from "../../transport/index.ts";
import type { RemoteServer } from "./remote-server.ts";
import type { Runner } from "./runner.ts";

/** Gets what is told of the sending of the updater, where that is needed. */
export type Tell = (text: string) => void;

export interface Question extends Pick<RunOptions, "stdout" | "signal"> {
  /** What it does, for an error's text. */
  label: string;
  verb: string;
  /** Goes by standard input, so that no secret of it is in an argument. */
  request: unknown;
  /** In milliseconds. */
  timeout: number;
  /**
   * It may change something: what was read of the server before is read anew.
   *
   * @default true
   */
  forgets?: boolean;
}

/** @returns the answer as text; the updater is sent where it is missing */
export async function askUpdater(
  server: RemoteServer,
  { label, verb, request, forgets = true, ...options }: Question,
  tell: Tell,
): Promise<string> {
  const runner = await server.install(tell);
  if (forgets) server.forget();
  const stdin = JSON.stringify(request);
  const { stdout } = await server.ask(label, runner, { verb }, { ...options, stdin });
  return stdout;
}

/**
 * Asks for a preview, which installs nothing; undefined where this version's programs are not there yet. Two
 * looks at one change ask the same: it is asked once.
 */
export function askIfInstalled(
  server: RemoteServer,
  { label, verb, request, timeout }: Omit<Question, "forgets" | "stdout" | "signal">,
): Promise<string | undefined> {
  const stdin = JSON.stringify(request);
  const what = `${verb} ${createHash("sha256").update(stdin).digest("hex")}`;
  return ifInstalled(server, what, async (runner) => {
    const { stdout } = await server.ask(label, runner, { verb }, { stdin, timeout });
    return stdout;
  });
}

/**
 * Reads something once, for a preview, which installs nothing. Undefined where there is no instance, or
 * where this version's programs are not there yet.
 *
 * @param what names it among the readings of a server
 */
export function ifInstalled<Found>(
  server: RemoteServer,
  what: string,
  read: (runner: Runner) => Promise<Found>,
): Promise<Found | undefined> {
  return server.once(what, async () => {
    const { hasInstance } = await server.facts();
    const runner = hasInstance ? await server.installed() : undefined;
    return runner === undefined ? undefined : read(runner);
  });
}
