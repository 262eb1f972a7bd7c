import { readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { adoptOrPutBack } from "../../../cli/adopt/adopt.ts";
import { UserError } from "../../../common/errors.ts";
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import type { Mirror } from "../../../release/mirror.ts";
import { TransportError, type TransportFailure } from "../../../transport/index.ts";
import type { AdoptRequest } from "../../../updater/adopt/protocol.ts";
import { FakeServer } from "../../provider/support/fake-server.ts";
import { COMMIT, listeningContext, place } from "../../provider/support/samples.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const BEFORE = "config: {}\n";
const WRITTEN = "config:\n  chatalot-deploy:release: v1.0.0\n";

describe("the stack file of an adoption", () => {
  const openTransport = RemoteServer.openTransport;
  const pulumi = new FakePulumi();
  let server: FakeServer;

  beforeEach(async () => {
    await pulumi.arrive(BEFORE);
    await writeFile(pulumi.stackFile, WRITTEN);
    server = new FakeServer();
    await server.arrive();
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  /** What became of it: the answer or the error, what was told last, and the file. */
  async function adopted(): Promise<{ result: unknown; told: string; text: string }> {
    const context = listeningContext();
    const result = await adoptOrPutBack(
      RemoteServer.at(place),
      // Nothing is read of a release whose tree the server has.
      {} as Mirror,
      { release: { commit: COMMIT } } as AdoptRequest,
      { path: pulumi.stackFile, text: BEFORE },
      WRITTEN,
      context,
    ).catch((error: unknown) => error);
    const text = await readFile(pulumi.stackFile, "utf8");
    return { result, told: context.told.join("\n"), text };
  }

  it("stays where the server has adopted", async () => {
    const answer = { answer: "adopted" as const, instanceId: "a", differences: [], renamed: [] };
    server.adoption = answer;
    expect(await adopted()).to.deep.equal({ result: answer, told: "", text: WRITTEN });
  });

  it("is put back where the server refuses", async () => {
    server.adoption = { answer: "refused", reasons: ["It has no volumes."] };
    const { result, told, text } = await adopted();
    expect((result as Error).message).to.equal("It has no volumes.\nNothing was changed.");
    expect(told).to.equal("Pulumi.prod.yaml is as it was before.");
    expect(text).to.equal(BEFORE);
  });

  const lost: TransportFailure[] = ["connection-lost", "timeout", "exit-code", "canceled"];
  for (const failure of lost)
    it(`is left alone where the answer is lost by ${failure}: it may have adopted`, async () => {
      server.adoption = new TransportError("adopt on chat.example.org: no answer", failure);
      const { result, told, text } = await adopted();
      expect(result).to.be.instanceOf(UserError);
      expect((result as Error).message).to.equal("adopt on chat.example.org: no answer");
      expect(told)
        .to.contain("Whether the chat was taken over is not known, and Pulumi.prod.yaml keeps")
        .and.to.contain("pulumi preview");
      expect(text).to.equal(WRITTEN);
    });

  it("is left alone where the answer can't be read", async () => {
    server.adoption = { answer: "perhaps" } as never;
    const { told, text } = await adopted();
    expect(told).to.contain("is not known");
    expect(text).to.equal(WRITTEN);
  });

  it("is put back where the server was not even asked", async () => {
    server.adoption = new TransportError("adopt on chat.example.org: refused", "unreachable");
    const { result, text } = await adopted();
    expect(result).to.equal(server.adoption);
    expect(text).to.equal(BEFORE);
  });
});
