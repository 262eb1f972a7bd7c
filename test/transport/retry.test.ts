import { expect } from "chai";
import { retryWhileConnectionLost } from "../../transport/retry.ts";
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

const soon = { delay: 1, longestDelay: 4, deadline: Infinity };

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
    await retryWhileConnectionLost(run, { ...soon, report: (_error, delay) => delays.push(delay) });
    expect(delays).to.deep.equal([1, 2, 4, 4, 4]);
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

  it("gives up after its attempts, at its deadline, or when canceled", async () => {
    const endless = () => operation(...Array<TransportFailure>(99).fill("connection-lost"));
    const counted = endless();
    await errorOf(retryWhileConnectionLost(counted.run, { ...soon, attempts: 3 }));
    expect(counted.calls.count).to.equal(3);
    const late = endless();
    await errorOf(retryWhileConnectionLost(late.run, { ...soon, deadline: Date.now() - 1 }));
    expect(late.calls.count).to.equal(1);
    const controller = new AbortController();
    const canceled = endless();
    const options = { delay: 600_000, longestDelay: 600_000, deadline: Infinity };
    const run = retryWhileConnectionLost(canceled.run, {
      ...options,
      signal: controller.signal,
      report: () => controller.abort(),
    });
    expect(((await errorOf(run)) as TransportError).failure).to.equal("connection-lost");
    expect(canceled.calls.count).to.equal(1);
  });
});
