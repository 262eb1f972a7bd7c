import { expect } from "chai";
import { conditionsOf } from "../../../updater/alerts/conditions.ts";
import type { ContainerFacts, HealthAnswer, ServerState } from "../../../updater/protocol.ts";
import { servingState } from "../../provider/support/samples.ts";

const GOOD: HealthAnswer = { reachable: true, status: "ok", databaseHealthy: true };

const SERVER = { running: true } as ContainerFacts;

function texts(changes: Partial<ServerState>): string[] {
  return conditionsOf(servingState({ server: SERVER, ...changes })).conditions.map(
    ({ text }) => text,
  );
}

describe("what is wrong with a server by its own word", () => {
  it("is nothing where it serves and is healthy", () => {
    expect(texts({ health: GOOD })).to.deep.equal([]);
  });

  it("is a chat that is down or degraded, with why", () => {
    expect(texts({ health: { reachable: false, problem: "connection refused" } })).to.deep.equal([
      "the chat is down: connection refused",
    ]);
    expect(texts({ health: { ...GOOD, databaseHealthy: false } })).to.deep.equal([
      "the chat is degraded: its database does not answer",
    ]);
    expect(texts({ health: { ...GOOD, status: "degraded" } })).to.deep.equal([
      "the chat is degraded: status degraded",
    ]);
    expect(texts({ health: GOOD, server: { ...SERVER, running: false } })).to.deep.equal([
      "the chat is down: its container doesn't run",
    ]);
  });

  it("is not said of a chat while a job is at work", () => {
    const state = servingState({
      health: { reachable: false, problem: "connection refused" },
      openJob: { sequence: 7, kind: "switch", step: "J6" } as never,
    });
    expect(conditionsOf(state)).to.deep.equal({ conditions: [], unknown: ["chat"] });
  });

  it("is a job that needs a person, a backup that failed, timers that are gone", () => {
    const schedule = { routines: {}, keep: 7, drift: ["the timer x does not run"] };
    expect(
      texts({
        health: GOOD,
        needsOperator: "Job 7 could not go back.\n",
        schedule: { ...schedule, problems: ["the last scheduled backup failed"] },
      }),
    ).to.deep.equal([
      "a job needs you: Job 7 could not go back.",
      "the last scheduled backup failed",
      "the timer x does not run",
    ]);
  });
});
