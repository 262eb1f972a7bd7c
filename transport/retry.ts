import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { TransportError } from "./transport.ts";

/** For how long and how often a lost connection is made again. */
export interface RetryOptions {
  /**
   * For how long a server without a connection is tried, in milliseconds. A connection that is there
   * does not use it up: it begins anew when that one is lost.
   */
  patience: number;
  /**
   * Milliseconds before the second attempt; each further wait is twice as long. It begins anew
   * together with the patience.
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

/** What the waiting is measured with. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Ends early, by failing, when the signal is given. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

const SYSTEM_CLOCK: Clock = {
  // Not the time of day: a laptop that sleeps between two attempts has not waited.
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
};

/**
 * Runs an operation again while the connection gets lost under it. The operation has to be one that
 * may run twice: following a log, reading a verdict.
 *
 * @throws the operation's own error when it is another one, or when the patience is used up
 */
export async function retryWhileConnectionLost<Result>(
  operation: () => Promise<Result>,
  options: RetryOptions,
  clock = SYSTEM_CLOCK,
): Promise<Result> {
  const { patience, delay: shortestDelay = 1_000, longestDelay = 30_000, signal, report } = options;
  let delay = shortestDelay;
  let wasConnected = options.wasConnected ?? false;
  let lostAt: number | undefined;
  for (;;) {
    const started = clock.now();
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const failed = clock.now();
      const isLost = error.failure === "connection-lost";
      wasConnected ||= isLost;
      // A server that lets in and drops at once, again and again, is waited for like one that is away.
      if (isLost && failed - started > delay) {
        lostAt = undefined;
        delay = shortestDelay;
      }
      lostAt ??= failed;
      const isLoss = wasConnected && (isLost || error.failure === "unreachable");
      const wait = Math.min(delay, longestDelay, patience - (failed - lostAt));
      if (!isLoss || wait <= 0 || signal?.aborted) throw error;
      report?.(error, Math.ceil(wait));
      await clock.sleep(wait, signal).catch(() => {
        throw error;
      });
      delay = Math.min(2 * delay, longestDelay);
    }
  }
}
