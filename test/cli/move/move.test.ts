import { expect } from "chai";
import { placeOf } from "../../../cli/move/move.ts";
import type { ServerState } from "../../../updater/protocol.ts";

/** A new server, as it answers when it is asked anew. */
const server = (answer: Partial<ServerState> | Error) => {
  let isForgotten = false;
  return {
    forget: () => {
      isForgotten = true;
    },
    state: async () => {
      if (!isForgotten) throw new Error("what was read before the run is told");
      if (answer instanceof Error) throw answer;
      return answer as ServerState;
    },
  };
};

describe("the place of a chat after a move that did not end well", () => {
  it("is the new server once it serves there, whatever else failed", async () => {
    const serving = { sequence: 1 } as unknown as NonNullable<ServerState["serving"]>;
    expect(await placeOf(server({ serving }))).to.equal("there");
  });

  it("is the old one where nothing was committed on the new one", async () => {
    expect(await placeOf(server({}))).to.equal("here");
  });

  it("is not known while a job goes on, or nobody answers: no second chat is started then", async () => {
    const openJob = { sequence: 1 } as unknown as NonNullable<ServerState["openJob"]>;
    expect(await placeOf(server({ openJob }))).to.equal("unknown");
    expect(await placeOf(server(new Error("no route to host")))).to.equal("unknown");
  });
});
