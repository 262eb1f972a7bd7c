import { expect } from "chai";
import { parse } from "yaml";
import { withDatabaseImage, withEarlier } from "../../../cli/run/stack-file.ts";
import { imageFor } from "../../../cli/upgrade-database/upgrade.ts";
import { DATABASE, ledgerRecord, servingRecord, OLD_COMMIT } from "../../updater/samples.ts";

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
    const written = withDatabaseImage(text, "postgres:18");
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
    expect(parse(withDatabaseImage(only, "postgres:18", 12))).to.deep.equal({
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
