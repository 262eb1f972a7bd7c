import { readFileSync } from "node:fs";
import { expect } from "chai";
import { compareCompose } from "../../release/compose-compare.ts";
import { composeFacts } from "../../release/compose-facts.ts";

const upstream = readFileSync(new URL("./compose/upstream.yml", import.meta.url), "utf8");

function changed(from: string | RegExp, to: string): string {
  const text = upstream.replace(from, to);
  expect(text).not.to.equal(upstream);
  return text;
}

describe("composeFacts", () => {
  it("reads database, ports, variables and files of the tree", () => {
    const facts = composeFacts(upstream);
    expect(facts.services).to.deep.equal(["chatalot", "postgres", "coturn"]);
    expect(facts.database).to.deep.equal({
      image: "postgres:17",
      majorVersion: 17,
      mount: { source: "postgres_data", target: "/var/lib/postgresql/data" },
    });
    expect(facts.ports).to.deep.equal([
      { service: "chatalot", published: "8080", target: "8080", protocol: "tcp" },
      { service: "chatalot", published: "9100", target: "9100", protocol: "tcp" },
    ]);
    expect(facts.requiredVariables).to.deep.equal([
      { name: "DB_PASSWORD", reason: "set DB_PASSWORD in .env" },
    ]);
    expect(facts.variables).to.include.members(["TOTP_ENCRYPTION_KEY", "TURN_PASSWORD"]);
    expect(facts.treeReferences.map(({ owner, path }) => `${owner}: ${path}`)).to.deep.equal([
      "secret jwt_private_key: secrets/jwt_private.pem",
      "secret jwt_public_key: secrets/jwt_public.pem",
      "coturn: turn/turnserver.conf",
    ]);
  });

  const images: [string, number | undefined][] = [
    ["postgres:17.2-alpine", 17],
    ["registry.example.org:5000/postgres:16@sha256:00", 16],
    ["postgres:${POSTGRES_VERSION:-15}", 15],
    ["postgres", undefined],
    ["postgres:latest", undefined],
    ["registry.example.org:5000/postgres", undefined],
  ];
  for (const [image, major] of images) {
    it(`reads the major version of ${image}`, () => {
      const facts = composeFacts(changed("image: postgres:17", `image: "${image}"`));
      expect(facts.database.majorVersion).to.equal(major);
    });
  }

  it("finds a required variable inside of a default, and none behind $$", () => {
    const facts = composeFacts("a: ${A:-${B?why}} $${C:?no} ${D} $E\n");
    expect(facts.requiredVariables).to.deep.equal([{ name: "B", reason: "why" }]);
    expect(facts.variables).to.deep.equal(["A", "B", "D", "E"]);
  });
});

describe("compareCompose", () => {
  it("finds nothing but the files of the release in an unchanged file", () => {
    expect(compareCompose(upstream, upstream)).to.deep.equal({
      changed: [{ service: "coturn", because: ["files of the release"] }],
      added: [],
      removed: [],
      newRequiredVariables: [],
      refusals: [],
    });
  });

  it("names the containers that are made anew, and why", () => {
    const next = changed("max-size: 10m", "max-size: 20m");
    expect(compareCompose(upstream, next).changed.slice(0, 2)).to.deep.equal([
      { service: "chatalot", because: ["logging"] },
      { service: "postgres", because: ["logging"] },
    ]);
  });

  it("sees a change of a network that a service is in", () => {
    const next = changed("internal: true", "internal: false");
    expect(compareCompose(upstream, next).changed[1]).to.deep.equal({
      service: "postgres",
      because: ["network internal"],
    });
  });

  it("doesn't mind in which form or order the same is said", () => {
    const next = changed(
      /environment:\n(\s+)POSTGRES_DB: chatalot\n\s+POSTGRES_USER: chatalot\n/,
      "environment:\n$1POSTGRES_USER: chatalot\n$1POSTGRES_DB: chatalot\n",
    );
    expect(compareCompose(upstream, next).changed).to.have.length(1);
  });

  it("lists added and removed services and newly required variables", () => {
    const next = changed("coturn:", "relay:").replace(
      "${TOTP_ENCRYPTION_KEY}",
      "${TOTP_ENCRYPTION_KEY:?needed}",
    );
    expect(compareCompose(upstream, next)).to.deep.include({
      added: ["relay"],
      removed: ["coturn"],
      newRequiredVariables: [{ name: "TOTP_ENCRYPTION_KEY", reason: "needed" }],
    });
  });

  it("tells services behind a profile only where that is asked for, and variables always", () => {
    const next = changed("coturn:4.6", "coturn:${COTURN_VERSION:?which}");
    const required = [{ name: "COTURN_VERSION", reason: "which" }];
    const turned = { service: "coturn", because: ["image", "files of the release"] };
    for (const profiles of [["turn"], ["other", "turn"], undefined])
      expect(compareCompose(upstream, next, { profiles })).to.deep.include({
        ...{ changed: [turned], newRequiredVariables: required },
      });
    for (const profiles of [[], ["other"]])
      expect(compareCompose(upstream, next, { profiles })).to.deep.include({
        ...{ changed: [], newRequiredVariables: required },
      });
  });

  it("tells new and gone services behind a profile only where that is asked for", () => {
    const without = upstream.replace(/  coturn:\n(?: {4}.*\n)+/, "");
    expect(without).not.to.contain("coturn");
    for (const [profiles, services] of [
      [["turn"], ["coturn"]],
      [[], []],
    ]) {
      expect(compareCompose(without, upstream, { profiles }).added).to.deep.equal(services);
      expect(compareCompose(upstream, without, { profiles }).removed).to.deep.equal(services);
    }
    const open = changed("    profiles: [turn]\n", "");
    expect(compareCompose(upstream, open, { profiles: [] })).to.deep.include({
      ...{ changed: [], added: ["coturn"], removed: [] },
    });
    // Compose lets it run on.
    expect(compareCompose(open, upstream, { profiles: [] })).to.deep.include({
      ...{ changed: [], added: [], removed: [] },
    });
  });

  it("tells no other image or path of a database that was brought to another version", () => {
    const next = changed("postgres:17", "postgres:18").replace(
      "postgres_data:/var/lib/postgresql/data",
      "postgres_data:/var/lib/postgresql",
    );
    const names = (placed?: number): string[] =>
      compareCompose(upstream, next, { placed, profiles: [] }).changed.map(
        ({ service, because }) => `${service}: ${because.join(", ")}`,
      );
    expect(names()).to.deep.equal(["postgres: image, volumes"]);
    expect(names(18)).to.deep.equal([]);
    const logged = changed("max-size: 10m", "max-size: 20m");
    expect(compareCompose(upstream, logged, { placed: 18 }).changed).to.deep.include({
      ...{ service: "postgres", because: ["logging"] },
    });
  });

  const refused: [string, string, string, string][] = [
    ["major version", "postgres:17", "postgres:18", "major version from 17 to 18"],
    ["image without a number", "postgres:17", "postgres:latest", "image from postgres:17 to"],
    ["data path", "_data:/var/lib/postgresql/data", "_data:/var/lib/postgresql", "data path from"],
    ["data volume", "postgres_data:/", "database:/", "volume from postgres_data to database"],
    ["data directory", "POSTGRES_DB:", "PGDATA: /x\n      POSTGRES_DB:", "PGDATA) from none to /x"],
  ];
  for (const [what, from, to, text] of refused) {
    it(`refuses another ${what} of the database`, () => {
      const { refusals } = compareCompose(upstream, changed(from, to));
      expect(refusals).to.have.length(1);
      expect(refusals[0]).to.include(text);
    });
  }

  it("names the way to a newer major version, whose path is no matter then", () => {
    const next = changed("postgres:17", "postgres:18").replace(
      "postgres_data:/var/lib/postgresql/data",
      "postgres_data:/var/lib/postgresql",
    );
    const { refusals } = compareCompose(upstream, next);
    expect(refusals).to.have.length(1);
    expect(refusals[0]).to.contain("17 to 18").and.to.contain("npx chatalot upgrade-database");
    expect(compareCompose(upstream, changed("postgres:17", "postgres:16")).refusals.join())
      .to.contain("17 to 16")
      .and.not.to.contain("upgrade-database");
  });

  it("lets a database that was brought to another version stay there, whatever files say of image and path", () => {
    const next = changed("postgres:17", "postgres:18").replace(
      "postgres_data:/var/lib/postgresql/data",
      "postgres_data:/var/lib/postgresql",
    );
    for (const file of [upstream, next, changed("postgres:17", "postgres:16")])
      expect(compareCompose(upstream, file, { placed: 18 }).refusals).to.deep.equal([]);
    const newest = changed("postgres:17", "postgres:19");
    expect(compareCompose(upstream, newest, { placed: 18 }).refusals.join()).to.contain(
      "from 18 to 19",
    );
    const elsewhere = changed("postgres_data:/", "database:/");
    expect(compareCompose(upstream, elsewhere, { placed: 18 }).refusals.join()).to.contain(
      "data volume",
    );
  });

  it("takes a newer minor version for a restart only", () => {
    const comparison = compareCompose(upstream, changed("postgres:17", "postgres:17.6"));
    expect(comparison.refusals).to.deep.equal([]);
    expect(comparison.changed).to.deep.include({ service: "postgres", because: ["image"] });
  });
});
