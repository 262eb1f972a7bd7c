import { setTimeout as sleep } from "node:timers/promises";
import { TransportError } from "./transport.ts";

/** How long and how often a lost connection is made again. */
export interface RetryOptions {
  /**
   * How often in a row the operation may fail. A success ends it, so that this counts the failures
   * since the start.
   *
   * @default Infinity
   */
  attempts?: number;
  /**
   * Milliseconds before the second attempt; each further wait is twice as long.
   *
   * @default 1000
   */
  delay?: number;
  /**
   * The longest wait in milliseconds.
   *
   * @default 30000
   */
  longestDelay?: number;
  /** When to give up, in milliseconds since 1970, as `Date.now()` counts. */
  deadline: number;
  /** Ends the waiting; the operation itself gets its own signal from the caller. */
  signal?: AbortSignal;
  /**
   * There was a connection before the operation, so that a server which can't be reached counts as
   * a connection that was lost. Otherwise it does so only after the first loss.
   *
   * @default false
   */
  wasConnected?: boolean;
  /** Called before each wait, with its length in milliseconds. */
  report?: (error: TransportError, delay: number) => void;
}

/**
 * Runs an operation again while the connection gets lost under it. The operation has to be one that
 * may run twice: following a log, reading a verdict.
 *
 * @throws the operation's own error when it is another one, or when time or attempts are up
 */
export async function retryWhileConnectionLost<Result>(
  operation: () => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { attempts = Infinity, longestDelay = 30_000, deadline, signal, report } = options;
  let delay = options.delay ?? 1_000;
  let lost = options.wasConnected ?? false;
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      lost ||= error.failure === "connection-lost";
      const isLoss = lost && ["connection-lost", "unreachable"].includes(error.failure);
      const wait = Math.min(delay, longestDelay, Math.max(0, deadline - Date.now()));
      if (!isLoss || attempt >= attempts || wait === 0 || signal?.aborted) throw error;
      report?.(error, wait);
      await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch(() => {
        throw error;
      });
      delay *= 2;
    }
  }
}
