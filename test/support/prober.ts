import { randomUUID } from "node:crypto";

/** What {@link startProber} asks, and how often. */
export interface ProberOptions {
  /** Address of the server, such as `http://172.17.0.2:8080`. */
  baseUrl: string;
  /**
   * Requests of GET /api/health a second. More than 10 would run into the server's limit.
   *
   * @default 10
   */
  perSecond?: number;
  /**
   * Also writes a message each second, to see later whether an acknowledged one was lost.
   *
   * @default true
   */
  markerEverySecond?: boolean;
  /**
   * Milliseconds after which a request for the health counts as failed. Longer than the 5 seconds of a degraded
   * answer.
   *
   * @default 10000
   */
  timeLimit?: number;
}

/** One request and how it ended. */
export interface Probe {
  /** Milliseconds since 1970 when it was sent. */
  at: number;
  /** `ok`: answered, also with 429 and when degraded. `failed`: no answer, or a server's error. */
  outcome: "ok" | "failed";
  /** Milliseconds until the answer or the failure. */
  latency: number;
  status?: number;
  /** `status` in the body of the answer. */
  health?: string;
  version?: string;
}

/** A time in which nothing was answered. */
export interface Gap {
  /** When the first request that was not answered was sent. */
  from: number;
  /** When the next one that was answered was sent. */
  to: number;
  milliseconds: number;
}

/** What a prober saw. */
export interface ProberResult {
  probes: readonly Probe[];
  gaps: readonly Gap[];
  /** The longest gap in milliseconds; 0 without one. */
  longestGap: number;
  /** All gaps together in milliseconds. */
  totalGap: number;
  failedRequests: number;
  /** The texts of the messages that the server said it had stored. */
  acknowledgedMarkers: readonly string[];
  /** The texts of those it did not; some of them may be stored all the same. */
  refusedMarkers: readonly string[];
}

export interface Prober {
  /** What it has seen so far. */
  snapshot(): ProberResult;
  /** Waits for the requests under way and ends. Safe to call twice. */
  stop(): Promise<ProberResult>;
  /** The acknowledged messages that the server no longer has. */
  missingMarkers(baseUrl?: string): Promise<string[]>;
}

/** A machine that flushes its disks lets others wait for seconds; a server that is away refuses at once. */
const TIME_LIMIT = 10_000;

/** What one message may take that somebody waits for: its commit waits until the disk has it. */
const WRITE_LIMIT = 120_000;

/** The server has ten connections to its database: messages that wait for a disk must not take all of them. */
const WRITES_AT_ONCE = 3;

/** Each request stands for another user: one that a stopping server closes is nobody's failure. */
const NEW_CONNECTION = { connection: "close" };

/** Asks a server for its health all the time, the way its users would notice that it is away. */
export function startProber(options: ProberOptions): Prober {
  const { baseUrl, perSecond = 10, markerEverySecond = true, timeLimit = TIME_LIMIT } = options;
  if (perSecond > 10) throw new Error("more than 10 requests a second run into the rate limit");
  const run = randomUUID().slice(0, 8);
  const probes: Probe[] = [];
  const acknowledged: string[] = [];
  const refused: string[] = [];
  const underWay = new Set<Promise<void>>();
  const track = (work: Promise<void>): void => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work));
  };

  // A request is sent on time whether or not the one before was answered.
  const probing = setInterval(() => {
    track(probe(baseUrl, timeLimit).then((result) => void probes.push(result)));
  }, 1_000 / perSecond);
  let written = 0;
  let waiting = 0;
  const marking = setInterval(() => {
    if (!markerEverySecond || waiting >= WRITES_AT_ONCE) return;
    const text = `marker ${run} ${(written += 1)}`;
    waiting += 1;
    track(
      writeMarker(baseUrl, text).then((stored) => {
        waiting -= 1;
        (stored ? acknowledged : refused).push(text);
      }),
    );
  }, 1_000);

  const snapshot = (): ProberResult => {
    const inOrder = probes.toSorted((a, b) => a.at - b.at);
    const gaps = gapsOf(inOrder);
    return {
      probes: inOrder,
      gaps,
      longestGap: Math.max(0, ...gaps.map((gap) => gap.milliseconds)),
      totalGap: gaps.reduce((sum, gap) => sum + gap.milliseconds, 0),
      failedRequests: inOrder.filter((probe) => probe.outcome === "failed").length,
      acknowledgedMarkers: [...acknowledged],
      refusedMarkers: [...refused],
    };
  };
  return {
    snapshot,
    stop: async () => {
      clearInterval(probing);
      clearInterval(marking);
      await Promise.all(underWay);
      return snapshot();
    },
    missingMarkers: async (from = baseUrl) => {
      // One that is acknowledged while the server is being read is not in its answer.
      const expected = [...acknowledged];
      const stored = new Set(await readMessages(from));
      return expected.filter((text) => !stored.has(text));
    },
  };
}

/**
 * Writes one message.
 *
 * @returns whether the server says that it is stored
 */
export async function writeMarker(
  baseUrl: string,
  text: string,
  timeLimit = WRITE_LIMIT,
): Promise<boolean> {
  try {
    const answer = await fetch(`${baseUrl}/api/messages`, {
      method: "POST",
      headers: NEW_CONNECTION,
      body: JSON.stringify({ author: "prober", text }),
      signal: AbortSignal.timeout(timeLimit),
    });
    await answer.arrayBuffer();
    return answer.status === 201;
  } catch {
    return false;
  }
}

/** The texts of all messages that the server has, oldest first. */
export async function readMessages(baseUrl: string): Promise<string[]> {
  const texts: string[] = [];
  for (let after = 0; ;) {
    const answer = await fetch(`${baseUrl}/api/messages?after=${after}`, {
      signal: AbortSignal.timeout(60_000),
    });
    if (!answer.ok) throw new Error(`messages can't be read: HTTP ${answer.status}`);
    const { messages } = (await answer.json()) as { messages: { id: number; text: string }[] };
    texts.push(...messages.map((message) => message.text));
    const last = messages.at(-1);
    if (last === undefined) return texts;
    after = last.id;
  }
}

async function probe(baseUrl: string, timeLimit: number): Promise<Probe> {
  const at = Date.now();
  try {
    const answer = await fetch(`${baseUrl}/api/health`, {
      headers: NEW_CONNECTION,
      signal: AbortSignal.timeout(timeLimit),
    });
    const text = await answer.text();
    const body = answer.status === 200 ? parse(text) : {};
    return {
      at,
      outcome: answer.status < 500 ? "ok" : "failed",
      latency: Date.now() - at,
      status: answer.status,
      ...(typeof body.status === "string" ? { health: body.status } : {}),
      ...(typeof body.version === "string" ? { version: body.version } : {}),
    };
  } catch {
    return { at, outcome: "failed", latency: Date.now() - at };
  }
}

function parse(text: string): { status?: unknown; version?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as { status?: unknown; version?: unknown };
  } catch {
    return {};
  }
}

/** The times in which nothing was answered, from probes in the order in which they were sent. */
export function gapsOf(probes: readonly Probe[]): Gap[] {
  const gaps: Gap[] = [];
  let from: number | undefined;
  for (const probe of probes) {
    if (probe.outcome === "failed") from ??= probe.at;
    else if (from !== undefined) {
      gaps.push({ from, to: probe.at, milliseconds: probe.at - from });
      from = undefined;
    }
  }
  const last = probes.at(-1);
  if (from !== undefined && last !== undefined) {
    gaps.push({ from, to: last.at, milliseconds: last.at - from });
  }
  return gaps;
}
