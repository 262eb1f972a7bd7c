import { userInfo } from "node:os";
import { resultOf } from "./outcome.ts";
import { runProcess } from "./process.ts";
import { quoteCommand } from "../common/quote.ts";
import type { RunOptions, RunResult, Transport } from "./transport.ts";

/** How much longer than its caller a command may last, in seconds. */
const GRACE = 5;

/** Commands on this machine, for a server that is deployed from itself. */
export function localTransport(): Transport {
  const target = "this machine";
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  const start = async (
    label: string,
    argv: readonly string[],
    options: RunOptions,
  ): Promise<RunResult> => {
    // The same values are refused here as by a server.
    quoteCommand(argv);
    const throughSudo = (options.asRoot ?? true) && process.getuid?.() !== 0;
    const command = [
      ...(throughSudo ? ["sudo", "-n", "--"] : []),
      // A command below sudo can't be ended from here, and none can once this process was killed,
      // so that each has a limit of its own.
      ...["timeout", "-k", String(GRACE), String(Math.ceil(options.timeout / 1_000) + GRACE)],
      ...argv,
    ];
    const [file = "", ...args] = command;
    const signals = [closing.signal, ...(options.signal ? [options.signal] : [])];
    const outcome = await runProcess(file, args, { ...options, signal: AbortSignal.any(signals) });
    const context = { label, target, options };
    return resultOf(outcome, throughSudo ? { ...context, sudoUser: userInfo().username } : context);
  };

  return {
    target,
    run(label, argv, options) {
      const command = start(label, argv, options);
      running.add(command);
      const forget = (): void => void running.delete(command);
      command.then(forget, forget);
      return command;
    },
    async close() {
      closing.abort();
      await Promise.allSettled(running);
    },
  };
}
