import { expect } from "chai";
import { parse } from "yaml";
import { withDatabaseUpgrade, withEarlier } from "../../../cli/run/stack-file.ts";
import { updateSideImages } from "../../../cli/updates/update-side-images.ts";
import { imageFor, upgradeDatabase } from "../../../cli/upgrade-database/upgrade.ts";
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import { FakeServer } from "../../provider/support/fake-server.ts";
import { listeningContext, servingState } from "../../provider/support/samples.ts";
import { DATABASE, ledgerRecord, servingRecord, OLD_COMMIT } from "../../updater/samples.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const database = { identity: DATABASE, applied: [], postgresMajor: 17 };
const postgres = { image: "us/postgres:18.1", major: 18, volume: "chat_postgres_data_pg18_7" };
const upgraded = {
  database,
  serving: ledgerRecord({ serving: { ...servingRecord(OLD_COMMIT), postgres } }),
};

describe("the image to upgrade to", () => {
  it("is by default the version after the present one, of the same name", () => {
    expect(imageFor(undefined, { database })).to.equal("postgres:18");
    expect(imageFor(undefined, upgraded)).to.equal("us/postgres:19");
  });

  it("is the one that is named", () => {
    expect(imageFor("postgres:19-trixie", { database })).to.equal("postgres:19-trixie");
  });

  it("is none where that version is there", () => {
    expect(imageFor("postgres:17", { database })).to.equal(undefined);
    expect(imageFor("postgres:18", upgraded)).to.equal(undefined);
  });

  for (const [image, text] of [
    ["postgres:16", "an older version does not read them"],
    ["postgres:latest", "does not begin with a major version"],
    ["postgres", "does not begin with a major version"],
    ["postgres:18beta1", "does not begin with a major version"],
    ["--privileged:18", "does not begin with a major version"],
  ] as const)
    it(`is refused as ${image}`, () => {
      expect(() => imageFor(image, { database })).to.throw(text);
    });

  it("is refused where the present version is not known", () => {
    expect(() => imageFor("postgres:18", {})).to.throw("it does not answer");
  });
});

describe("an upgrade that is to be tried again", () => {
  const openTransport = RemoteServer.openTransport;
  const pulumi = new FakePulumi();
  const server = new FakeServer();
  const context = listeningContext();

  beforeEach(async () => {
    await pulumi.arrive();
    await pulumi.configuredAs({ release: "v1.0.0", server: { host: "chat.example.org" } });
    server.state = servingState({ database });
    await server.arrive();
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  it("is refused where none was taken back", async () => {
    const error: unknown = await upgradeDatabase(
      ...([undefined, { retry: true, yes: true }, context] as const),
    ).catch((caught: unknown) => caught);
    expect((error as Error).message).to.equal(
      'An upgrade of the database was not tried and taken back here. Leave "--retry" away.',
    );
    expect((await pulumi.calls()).some((call) => call.startsWith("up"))).to.equal(false);
  });

  it("of the images beside the server's own is refused as well", async () => {
    server.sideImages = [
      {
        ...{ service: "postgres", image: "postgres:17", runs: `sha256:${"a".repeat(64)}` },
        ...{ isNewer: true, isSettable: true, newest: { digest: `sha256:${"b".repeat(64)}` } },
      },
    ];
    const error: unknown = await updateSideImages(
      ...([undefined, { retry: true, yes: true }, context] as const),
    ).catch((caught: unknown) => caught);
    expect((error as Error).message).to.contain(
      `A newer image beside the server's own was not tried and taken back here.`,
    );
  });
});

describe("the stack file with another image for the database", () => {
  const text = `config:
  # why
  chatalot-deploy:release: v1.0.0
  chatalot-deploy:retry: "3"
  chatalot-deploy:sideImages:
    postgres: postgres:17@sha256:0
    coturn: coturn/coturn:4@sha256:1
`;

  it("has no digest of the one before, and everything else", () => {
    const written = withDatabaseUpgrade(text, "postgres:18");
    expect(written).to.contain("# why");
    expect(parse(written)).to.deep.equal({
      config: {
        "chatalot-deploy:release": "v1.0.0",
        "chatalot-deploy:sideImages": { coturn: "coturn/coturn:4@sha256:1" },
        "chatalot-deploy:databaseImage": "postgres:18",
      },
    });
  });

  it("has no empty setting where that was the only digest, and the job that may be tried again", () => {
    const only = text.replace(/^ {4}coturn.*\n/m, "");
    expect(parse(withDatabaseUpgrade(only, "postgres:18", 12))).to.deep.equal({
      config: {
        "chatalot-deploy:release": "v1.0.0",
        "chatalot-deploy:retry": 12,
        "chatalot-deploy:databaseImage": "postgres:18",
      },
    });
  });
});

describe("the stack file of a rollback to a time before an upgrade", () => {
  const text = `config:
  chatalot-deploy:release: v1.1.0
  chatalot-deploy:databaseImage: postgres:18
`;
  const sideImages = (images: Record<string, string>) => ({
    release: "v1.0.0",
    ...{ databaseImage: "postgres:18", sideImages: { objectValue: images, secret: false } },
  });

  it("has no digest of the version before, and keeps the image and other digests", () => {
    const images = { postgres: "postgres:17@sha256:0", coturn: "coturn/coturn:4@sha256:1" };
    expect(parse(withEarlier(text, sideImages(images)))).to.deep.equal({
      config: {
        "chatalot-deploy:release": "v1.0.0",
        "chatalot-deploy:databaseImage": "postgres:18",
        "chatalot-deploy:sideImages": { coturn: "coturn/coturn:4@sha256:1" },
      },
    });
    const only = parse(withEarlier(text, sideImages({ postgres: "postgres:17@sha256:0" }))) as {
      config: object;
    };
    expect(only.config).not.to.have.property("chatalot-deploy:sideImages");
  });

  it("has an earlier digest of the same image", () => {
    const images = { postgres: "postgres:18@sha256:0" };
    expect(withEarlier(text, sideImages(images))).to.contain("postgres: postgres:18@sha256:0");
  });
});
