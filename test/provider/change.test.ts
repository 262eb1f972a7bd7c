import { expect } from "chai";
import { tellFirst, tellSettings } from "../../provider/change.ts";
import type { Wire } from "../../provider/codec.ts";
import type { ServerState } from "../../updater/protocol.ts";
import {
  COMMIT,
  deploymentInputs,
  listeningContext,
  NEWER,
  servingRecord,
  servingState,
} from "./support/samples.ts";

/** The inputs with these variables. */
function withEnv(env: Record<string, string>, changes: Wire = {}): Wire {
  const inputs = deploymentInputs(changes);
  return { ...inputs, configuration: { ...(inputs.configuration as Wire), env } };
}

describe("changed settings", () => {
  function told(olds: Wire, news: Wire, state: ServerState = servingState()): string {
    const context = listeningContext();
    tellSettings(context, olds, news, state);
    return context.told.join("\n");
  }

  it("are named, with how long the chat was away last, in lines of 80 columns", () => {
    const news = withEnv({ MAX_FILE_SIZE_MB: "250", REGISTRATION_MODE: "open" });
    expect(told(deploymentInputs(), news)).to.equal(
      [
        "SETTINGS MAX_FILE_SIZE_MB, REGISTRATION_MODE change; no build, no migration; one",
        "         restart of the server about 1 s: CHAT IS AWAY",
      ].join("\n"),
    );
  });

  it("are told without a time where none is known", () => {
    const state = servingState({ serving: servingRecord({ durations: { total: 60_000 } }) });
    expect(told(deploymentInputs(), withEnv({ RUST_LOG: "debug" }), state)).to.equal(
      "SETTINGS RUST_LOG changes; no build, no migration; one restart of the server:\n" +
        "         CHAT IS AWAY",
    );
  });

  it("are told beside another release, too", () => {
    const news = withEnv({ RUST_LOG: "debug" }, { commit: NEWER });
    expect(told(deploymentInputs(), news)).to.equal(
      "SETTINGS RUST_LOG changes with the release, in the same restart",
    );
    expect(told(deploymentInputs(), deploymentInputs({ commit: NEWER }))).to.equal("");
  });

  it("are not guessed where this stack's last release is not the one that serves", () => {
    const release = { name: "v3.0.0", commit: "3".repeat(40), migrations: [] };
    const state = servingState({ serving: servingRecord({ release }) });
    const news = withEnv({ RUST_LOG: "debug" }, { commit: NEWER });
    expect(told(deploymentInputs(), news, state)).to.equal("");
  });
});

describe("a release where none serves", () => {
  function told(changes: Partial<ServerState>): string {
    const context = listeningContext();
    const { serving: _, ...state } = servingState(changes);
    tellFirst(context, deploymentInputs(), state);
    return context.told.join("\n");
  }

  it("is told as the first one", () => {
    expect(told({ prepared: [], measured: { build: 720_000 } })).to.equal(
      [
        "DEPLOY   v1.0.0 (1111111), the first release on this server",
        "Steps    the image is made first about 12 min; database and chat are started,",
        "         and have to become healthy",
        "Failure  nothing serves, as now",
      ].join("\n"),
    );
  });

  it("is told as what served last, where that was removed", () => {
    expect(told({ lastServing: servingRecord() })).to.match(
      /^DEPLOY {3}v1\.0\.0 \(1111111\) again: its containers were removed, its data stayed\nSteps {4}the image is there/,
    );
  });

  it("is left to the plan where another one served last, and to the job that is under way", () => {
    const release = { name: "v2.0.0", commit: NEWER, migrations: [] };
    expect(told({ lastServing: servingRecord({ release }) })).to.equal("");
    const openJob = {
      ...{ sequence: 1, kind: "switch" as const, requestedBy: "ada@desk" },
      ...{ openedAt: "2026-03-01T12:00:00Z", step: "J6" },
    };
    expect(told({ openJob, prepared: [COMMIT] })).to.equal("");
    expect(told({ foreign: ["the container chatalot-server"] })).to.equal("");
  });
});
