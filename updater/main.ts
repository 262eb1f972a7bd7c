/**
 * The updater's entry on the server: what the operator's side asks for (verbs.ts), directly or through the
 * runner, and what systemd's units call.
 */
import * as z from "zod";
import { messageOf } from "../common/errors.ts";
import { plainText } from "../common/text.ts";
import { watch } from "./alerts/watch.ts";
import { directorySchema } from "./protocol.ts";
import { runOpenJob } from "./run.ts";
import { exitCodeOf, serve } from "./runner/serve.ts";
import { ROUTINES } from "./schedule/protocol.ts";
import { runRoutine } from "./schedule/routine.ts";
import { ownRunner, print, VERBS } from "./verbs.ts";

process.umask(0o077);

/** What goes to the unit's log, or to the operator. */
const MAXIMUM_MESSAGE = 4_000;

async function main([verb = "", ...words]: string[]): Promise<void> {
  const [directory = "", routine] = words;
  switch (verb) {
    case "serve":
      try {
        await serve(process.stdin, process.stdout);
      } finally {
        // What was not read of it would be waited for.
        process.stdin.destroy();
      }
      return;
    case "watch":
      await watch(directorySchema.parse(directory));
      return;
    case "routine":
      print(process.stdout, {
        text: await runRoutine(
          directorySchema.parse(directory),
          z.enum(ROUTINES).parse(routine),
          ownRunner(),
        ),
      });
      return;
    case "run":
      await runOpenJob(directorySchema.parse(directory));
      return;
  }
  const asked = VERBS.get(verb);
  if (asked === undefined) throw new Error(`unknown verb ${JSON.stringify(verb)}`);
  const [input, output] = [process.stdin, process.stdout];
  try {
    // Whoever calls this is root already.
    await asked({ input, output, words, permit: () => undefined });
  } finally {
    // What was not read of it would be waited for.
    input.destroy();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${plainText(messageOf(error)).slice(0, MAXIMUM_MESSAGE)}\n`);
  process.exitCode = exitCodeOf(error);
});
