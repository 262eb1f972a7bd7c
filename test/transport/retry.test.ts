import { expect } from "chai";
import { type Clock, retryWhileConnectionLost } from "../../transport/retry.ts";
import { TransportError, type TransportFailure } from "../../transport/transport.ts";

/** Fails for these reasons in turn, then succeeds. */
function operation(...failures: TransportFailure[]) {
  const calls = { count: 0 };
  const run = async (): Promise<string> => {
    const failure = failures[calls.count++];
    if (failure !== undefined) throw new TransportError(`failed: ${failure}`, failure);
    return "done";
  };
  return { calls, run };
}

/** Stands still but for waits, however busy the machine is. */
function standingClock(): Clock & { pass(milliseconds: number): void } {
  let now = 0;
  return {
    now: () => now,
    pass: (milliseconds) => void (now += milliseconds),
    sleep: async (milliseconds) => void (now += milliseconds),
  };
}

const soon = { delay: 1, longestDelay: 4, patience: Infinity };

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("retryWhileConnectionLost", () => {
  it("retries a lost connection, and a server that can't be reached after that", async () => {
    const { run, calls } = operation("connection-lost", "unreachable", "unreachable");
    expect(await retryWhileConnectionLost(run, soon)).to.equal("done");
    expect(calls.count).to.equal(4);
  });

  it("waits twice as long each time, up to the longest delay", async () => {
    const { run } = operation(...Array<TransportFailure>(5).fill("connection-lost"));
    const delays: number[] = [];
    const options = {
      ...{ delay: 20, longestDelay: 80, patience: Infinity },
      report: (_error: TransportError, delay: number) => delays.push(delay),
    };
    await retryWhileConnectionLost(run, options, standingClock());
    expect(delays).to.deep.equal([20, 40, 80, 80, 80]);
  });

  it("does not retry a server that never was reached, unless there was a connection", async () => {
    const first = operation("unreachable");
    await errorOf(retryWhileConnectionLost(first.run, soon));
    expect(first.calls.count).to.equal(1);
    const second = operation("unreachable");
    await retryWhileConnectionLost(second.run, { ...soon, wasConnected: true });
    expect(second.calls.count).to.equal(2);
  });

  it("does not retry what another attempt wouldn't change", async () => {
    for (const failure of ["exit-code", "host-key", "authentication", "timeout"] as const) {
      const { run, calls } = operation("connection-lost", failure);
      const error = await errorOf(retryWhileConnectionLost(run, soon));
      expect((error as TransportError).failure).to.equal(failure);
      expect(calls.count).to.equal(2);
    }
    const bug = new RangeError("bug");
    const error = await errorOf(retryWhileConnectionLost(() => Promise.reject(bug), soon));
    expect(error).to.equal(bug);
  });

  it("gives up on a server that stays away, or drops every connection at once", async () => {
    for (const failure of ["unreachable", "connection-lost"] as const) {
      const { run, calls } = operation(...Array<TransportFailure>(999).fill(failure));
      const options = { delay: 1, longestDelay: 4, patience: 40, wasConnected: true };
      const clock = standingClock();
      const error = await errorOf(retryWhileConnectionLost(run, options, clock));
      expect(error).to.be.instanceOf(TransportError);
      // Waits of 1, 2, nine times 4 and what is left of the patience.
      expect([calls.count, clock.now()]).to.deep.equal([13, 40]);
    }
  });

  it("has all its patience again, and its first delay, when a connection is lost that held", async () => {
    const { run, calls } = operation(
      ...(["unreachable", "unreachable", "connection-lost", "unreachable", "unreachable"] as const),
    );
    const clock = standingClock();
    const held = async (): Promise<string> => {
      // The third attempt holds longer than there is patience.
      if (calls.count === 2) clock.pass(600);
      return run();
    };
    const delays: number[] = [];
    const options = {
      ...{ delay: 20, longestDelay: 1_000, patience: 400, wasConnected: true },
      report: (_error: TransportError, delay: number) => delays.push(delay),
    };
    const done = await retryWhileConnectionLost(held, options, clock);
    expect(done).to.equal("done");
    expect(delays).to.deep.equal([20, 40, 20, 40, 80]);
  });

  it("gives up when canceled", async () => {
    const controller = new AbortController();
    const canceled = operation("connection-lost");
    const options = { delay: 600_000, longestDelay: 600_000, patience: Infinity };
    const run = retryWhileConnectionLost(canceled.run, {
      ...options,
      signal: controller.signal,
      report: () => controller.abort(),
    });
    expect(((await errorOf(run)) as TransportError).failure).to.equal("connection-lost");
    expect(canceled.calls.count).to.equal(1);
  });
});
