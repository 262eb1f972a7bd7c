/** One question to the updater that may change something: what was read of the server before is read anew. */
import type { RemoteServer } from "./remote-server.ts";

/** Gets what is told of the sending of the updater, where that is needed. */
export type Tell = (text: string) => void;

export interface Question {
  /** What it does, for an error's text. */
  label: string;
  verb: string;
  /** Goes by standard input, so that no secret of it is in an argument. */
  request: unknown;
  /** In milliseconds. */
  timeout: number;
}

/** @returns the answer as text; the updater is sent where it is missing */
export async function askUpdater(
  server: RemoteServer,
  { label, verb, request, timeout }: Question,
  tell: Tell,
): Promise<string> {
  const runner = await server.install(tell);
  server.forget();
  const { stdout } = await server.ask(
    label,
    runner,
    { verb },
    {
      stdin: JSON.stringify(request),
      timeout,
    },
  );
  return stdout;
}
