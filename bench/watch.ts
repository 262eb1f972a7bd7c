import { request } from "node:http";
import { timeAway } from "./statistics.ts";

/** What {@link watch} saw. */
export interface Seen {
  /** Seconds without an answer; see {@link timeAway}. */
  away: number;
  /** Requests that got no answer, or a server's error. */
  failed: number;
}

export interface Watch {
  /** Waits for the requests under way and ends. */
  stop(): Promise<Seen>;
}

/**
 * Between two requests, in milliseconds: the resolution of the figure.
 *
 * Far more than the server's limit of 20 requests a second. That is wanted: "too many requests" is
 * an answer by a server that serves, and this many are what shows when it does.
 */
const INTERVAL = 10;

/** A request that takes longer has failed. */
const TIMEOUT = 2_000;

/** Asks a server for its health all the time, each time by a new connection, as new visitors would. */
export function watch(baseUrl: string): Watch {
  const url = new URL("/api/health", baseUrl);
  const answeredAt: number[] = [];
  const underWay = new Set<Promise<void>>();
  let failed = 0;
  const asking = setInterval(() => {
    const asked = ask(url).then((answered) => {
      if (answered) answeredAt.push(performance.now());
      else failed += 1;
    });
    underWay.add(asked);
    void asked.finally(() => underWay.delete(asked));
  }, INTERVAL);
  return {
    async stop() {
      clearInterval(asking);
      const end = performance.now();
      await Promise.all(underWay);
      const last = Math.max(...answeredAt, -Infinity);
      if (end - last > TIMEOUT / 2)
        throw new Error(`${baseUrl} did not answer when the measurement ended`);
      return { away: timeAway(answeredAt) / 1_000, failed };
    },
  };
}

/** Resolves when the server answers. */
export async function untilAnswered(baseUrl: string, timeout: number): Promise<void> {
  const deadline = Date.now() + timeout;
  while (!(await ask(new URL("/api/health", baseUrl)))) {
    if (Date.now() > deadline) throw new Error(`${baseUrl} did not answer within ${timeout} ms`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

function ask(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false, timeout: TIMEOUT }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve((answer.statusCode ?? 500) < 500));
      answer.on("error", () => resolve(false));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.on("error", () => resolve(false));
    asked.end();
  });
}
