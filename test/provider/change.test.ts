import { expect } from "chai";
import { tellSettings } from "../../provider/change.ts";
import type { Wire } from "../../provider/codec.ts";
import type { ServerState } from "../../updater/protocol.ts";
import {
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
