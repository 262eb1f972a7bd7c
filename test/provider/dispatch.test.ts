import { expect } from "chai";
import { hasSecret, secret, type Wire } from "../../provider/codec.ts";
import { deployment } from "../../provider/deployment.ts";
import { ChatalotProvider } from "../../provider/dispatch.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { FakeServer, unreachable } from "./support/fake-server.ts";
import { deploymentInputs, NEWER, place, PROPOSALS, servingState } from "./support/samples.ts";

const DEPLOYMENT =
  "urn:pulumi:test::chatalot-deploy::chatalot:index:ComposeStack$chatalot:index:Deployment::a::b";

/** The inputs as the engine sends them: what is secret is in an envelope. */
function sent(changes: Wire = {}): Wire {
  const { secrets, secretEnv, ...plain } = deploymentInputs(changes);
  return { ...plain, secrets: secret(secrets), secretEnv: secret(secretEnv) };
}

function outputsOf({ outs }: { outs?: Wire }): Wire {
  if (outs === undefined) throw new Error("no outputs");
  return outs;
}

describe("ChatalotProvider", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;
  let chatalot: ChatalotProvider;

  beforeEach(async () => {
    server = new FakeServer();
    server.state = servingState();
    server.answer = { answer: "unchanged", instanceId: "instance-a" };
    await server.arrive();
    chatalot = new ChatalotProvider();
  });

  afterEach(async () => {
    await server.leave(original);
  });

  /** What check makes of the inputs; the SDK doesn't say what they are. */
  async function check(): Promise<{ inputs: Wire; failures: unknown }> {
    const result = await chatalot.check(DEPLOYMENT, {}, sent());
    return { inputs: result.inputs, failures: result.failures };
  }

  describe("when it is configured", () => {
    const readsOf = (): string[] => server.commands.filter((label) => label.startsWith("read"));
    const text = JSON.stringify(place);

    it("reads the server before a resource asks for it, and once", async () => {
      chatalot.configure({ place: text, readsEarly: "true" });
      const early = readsOf();
      expect(early).to.include("read the host's facts");
      await check();
      expect(readsOf().filter((label) => label === "read the host's facts")).to.have.length(1);
    });

    it("reads nothing early where Docker may be installed first, or no server is known", () => {
      chatalot.configure({ place: text, readsEarly: "false" });
      chatalot.configure({});
      expect(server.commands).to.deep.equal([]);
    });

    it("leaves what is wrong with the server to the resource that asks", async () => {
      server.failure = unreachable();
      chatalot.configure({ place: text, readsEarly: true });
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect((await check()).failures).to.deep.equal([]);
    });

    it("is another configuration for another place only", () => {
      const of = (values: Wire): string => chatalot.configuration({ ...values, version: "9" });
      expect(of({ place: text })).to.equal(chatalot.configuration({ place: text }));
      expect(of({ place: text })).not.to.equal(of({ place: "{}" }));
    });
  });

  it("has a check's announcement made by the diff that follows, in plain and once", async () => {
    const original = { ...deployment };
    const announced: Wire[] = [];
    deployment.check = async () => ({
      ...{ additions: {}, refusals: [] },
      announce: (outputs) => void announced.push(outputs),
    });
    try {
      const outputs = sent({ sequence: 3 });
      await chatalot.diff("a", DEPLOYMENT, outputs, sent());
      expect(announced).to.deep.equal([]);
      await chatalot.check(DEPLOYMENT, {}, sent());
      for (let run = 0; run < 2; run++) await chatalot.diff("a", DEPLOYMENT, outputs, sent());
      expect(announced).to.deep.equal([deploymentInputs({ sequence: 3 })]);
    } finally {
      Object.assign(deployment, original);
    }
  });

  it("hands on nothing that ends the engine: not of a server, a repository or an error", async () => {
    const deadly = "<{%bogus%}>";
    server.state = servingState({ drift: [deadly], needsOperator: deadly });
    const { inputs, failures } = await check();
    expect(JSON.stringify([inputs, failures]))
      .to.contain("bogus")
      .and.not.contain("<{%");
    server.failure = new Error(deadly);
    await server.nextRun();
    const error: unknown = await chatalot.create(DEPLOYMENT, sent()).catch((e: unknown) => e);
    expect(String(error)).to.contain("bogus").and.not.contain("<{%");
  });

  it("finds the type at the end of the chain of parents", async () => {
    const { inputs, failures } = await check();
    expect(failures).to.deep.equal([]);
    expect(inputs).to.include({ instanceId: "instance-a" });
  });

  for (const urn of [
    "urn:pulumi:test::chatalot-deploy::chatalot:index:Nothing::chatalot",
    "urn:pulumi:test::chatalot-deploy::chatalot:index:Host$constructor::chatalot",
    "no urn",
  ]) {
    it(`refuses ${urn}`, async () => {
      const refused: unknown = await chatalot.check(urn, {}, {}).catch((error: unknown) => error);
      expect(refused).to.be.an("error").with.property("message").that.includes("unknown resource");
    });
  }

  it("keeps the envelopes around inputs in check", async () => {
    const { inputs } = await check();
    expect(inputs).to.deep.include({
      secretEnv: secret({ GIPHY_API_KEY: "hidden-value" }),
      secrets: secret(PROPOSALS),
    });
  });

  it("puts no secret in plain into what it creates or updates, and no proposal at all", async () => {
    const created = outputsOf(await chatalot.create(DEPLOYMENT, sent()));
    const updated = outputsOf(await chatalot.update("chatalot", DEPLOYMENT, created, sent()));
    for (const outputs of [created, updated]) {
      expect(outputs["secretEnv"]).to.deep.equal(secret({ GIPHY_API_KEY: "hidden-value" }));
      expect(outputs).not.to.have.property("secrets");
      for (const value of Object.values(PROPOSALS))
        expect(JSON.stringify(outputs)).not.to.include(JSON.stringify(value));
    }
  });

  it("sends the secrets to the server by standard input only", async () => {
    await chatalot.create(DEPLOYMENT, sent());
    expect(server.requests).to.have.length(1);
    expect(server.requests[0]).to.deep.include({ kind: "switch", secrets: PROPOSALS });
  });

  it("keeps secrets secret in a refresh", async () => {
    const outputs = outputsOf(await chatalot.create(DEPLOYMENT, sent()));
    const read = await chatalot.read("chatalot", DEPLOYMENT, outputs);
    expect(hasSecret((read.props as Wire)["secretEnv"])).to.equal(true);
    server.failure = unreachable();
    await server.nextRun();
    expect((await chatalot.read("chatalot", DEPLOYMENT, outputs)).props).to.deep.equal(outputs);
  });

  it("sees in diff what is inside of envelopes", async () => {
    const olds = sent();
    const changed = sent({ secretEnv: { GIPHY_API_KEY: "another" } });
    expect(await chatalot.diff("chatalot", DEPLOYMENT, olds, sent())).to.include({
      changes: false,
    });
    expect(await chatalot.diff("chatalot", DEPLOYMENT, olds, changed)).to.include({
      changes: true,
    });
  });

  it("reports a resource that is gone as gone", async () => {
    const { serving: _, ...state } = servingState();
    server.state = state;
    const outputs = { ...sent(), instanceId: "instance-a" };
    expect(await chatalot.read("chatalot", DEPLOYMENT, outputs)).to.deep.equal({});
  });

  it("can be cancelled any number of times, and still answers", async () => {
    await chatalot.cancel();
    await chatalot.cancel();
    expect(await chatalot.diff("chatalot", DEPLOYMENT, sent(), sent({ commit: NEWER }))).to.include(
      {
        changes: true,
      },
    );
  });
});
