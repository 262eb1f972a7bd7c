import { runtime } from "@pulumi/pulumi";
import { expect } from "chai";
import type { Wire } from "../../provider/codec.ts";
import { deployment } from "../../provider/deployment.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { expectColumns } from "./support/columns.ts";
import { FakeServer } from "./support/fake-server.ts";
import { deploymentInputs, listeningContext, reasons, servingState } from "./support/samples.ts";

const [OLD, NEW] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];
const OWN = { postgres: "postgres:17", coturn: "coturn/coturn:4.6" };

describe("digests of side images, in a preview", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    server.state = servingState();
    server.sideImages = [
      {
        ...{ service: "postgres", image: "postgres:17", runs: OLD },
        ...{ isNewer: false, isSettable: true },
      },
    ];
    await server.arrive();
  });

  afterEach(async () => {
    await server.leave(original);
  });

  function inputs(sideImages: Record<string, string> | undefined, changes: Wire = {}): Wire {
    const { configuration, ...others } = deploymentInputs({ sideImages: OWN, ...changes });
    return {
      ...others,
      configuration: {
        ...(configuration as Wire),
        ...(sideImages === undefined ? {} : { sideImages }),
      },
    };
  }

  async function check(news: Wire, olds: Wire = inputs(undefined)) {
    const context = listeningContext();
    const checked = await deployment.check(context, { ...olds, instanceId: "instance-a" }, news);
    expectColumns(context.told);
    return { told: context.told, refused: reasons(checked) };
  }

  it("are shown with what runs now, what comes, and what it does to the chat", async () => {
    const { told, refused } = await check(inputs({ postgres: `postgres:17@${NEW}` }));
    expect(refused).to.deep.equal([]);
    expect(told).to.have.length(1);
    expect(told[0]?.replaceAll(/\s+/g, " "))
      .to.contain("IMAGE postgres: postgres:17 aaaaaaaaaaaa -> bbbbbbbbbbbb")
      .and.to.contain("restarts the database")
      .and.to.contain("CHAT IS AWAY");
  });

  it("let the chat stay where they are another service's, and name what goes away", async () => {
    const pinned = { coturn: `coturn/coturn:4.6@${NEW}` };
    const { told } = await check(inputs(pinned));
    expect(told[0]?.replaceAll(/\s+/g, " ")).to.contain(
      "coturn: coturn/coturn:4.6 as it runs -> bbbbbbbbbbbb",
    );
    expect(told[0]).not.to.contain("AWAY");
    const gone = await check(inputs(undefined), inputs(pinned));
    expect(gone.told[0]?.replaceAll(/\s+/g, " ")).to.contain(
      "bbbbbbbbbbbb -> what the tag names on the server",
    );
  });

  it("are a change of the deployment, and none where they are the same", () => {
    const pinned = { postgres: `postgres:17@${NEW}` };
    const outputs = { ...inputs(undefined), instanceId: "instance-a" };
    expect(deployment.diff(outputs, inputs(pinned))).to.equal(true);
    const same = { ...inputs(pinned), instanceId: "instance-a" };
    expect(deployment.diff(same, inputs(pinned))).to.equal(false);
    // What the release names is no change of what serves.
    expect(deployment.diff(same, inputs(pinned, { sideImages: {} }))).to.equal(false);
  });

  it("are refused where the release has another tag or no such service, all at once", async () => {
    const { refused, told } = await check(
      inputs({ postgres: `postgres:16@${NEW}`, redis: `redis:7@${NEW}` }),
    );
    expect(refused).to.have.length(1);
    expect(refused[0])
      .to.contain("v1.0.0 can't have these images. Nothing was changed.")
      .and.to.contain("sideImages.postgres is for postgres:16")
      .and.to.contain("sideImages.redis is for redis:7");
    expect(told).to.deep.equal([]);
  });

  it("are left to the server where it is not known what the release names", async () => {
    for (const sideImages of [undefined, runtime.unknownValue]) {
      const { refused } = await check(inputs({ redis: `redis:7@${NEW}` }, { sideImages }));
      expect(refused).to.deep.equal([]);
    }
  });
});
