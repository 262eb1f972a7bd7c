import { expect } from "chai";
import {
  type Expectation,
  type GateFacts,
  gateFailures,
  migrationFailures,
} from "../../updater/gate.ts";
import { container, healthy } from "./fake-driver.ts";
import { applied, DATABASE, migration, NEW_COMMIT, OLD_COMMIT, release } from "./samples.ts";

const expected: Expectation = {
  release: { ...release(NEW_COMMIT), webVersion: "1.1.0" },
  image: "chatalot:new",
  database: DATABASE,
};

function good(values: Partial<GateFacts> = {}): GateFacts {
  return {
    server: container(NEW_COMMIT),
    taggedImageId: `sha256:${NEW_COMMIT}`,
    health: healthy(),
    webVersion: "1.1.0",
    database: { identity: DATABASE, applied: applied(1, 2) },
    ...values,
  };
}

describe("gateFailures", () => {
  it("finds nothing where everything is as expected", () => {
    expect(gateFailures(good(), expected)).to.deep.equal([]);
  });

  const failing: [string, Partial<GateFacts>, string][] = [
    ["no server", { server: undefined }, "there is no server"],
    [
      "a server that does not run",
      { server: container(NEW_COMMIT, { running: false, status: "created" }) },
      "the server is created",
    ],
    ["an image that is gone", { taggedImageId: undefined }, "the image chatalot:new is gone"],
    [
      "a tag that was moved to another image",
      { taggedImageId: `sha256:${OLD_COMMIT}` },
      "it runs image bbbbbbbbbbbb, chatalot:new is aaaaaaaaaaaa",
    ],
    [
      "an old container",
      { server: container(NEW_COMMIT, { commit: OLD_COMMIT }) },
      `it is labelled ${OLD_COMMIT}, not ${NEW_COMMIT}`,
    ],
    [
      "a container that nobody labelled",
      { server: { ...container(NEW_COMMIT), commit: undefined } },
      `it is labelled with no commit, not ${NEW_COMMIT}`,
    ],
    [
      "silence",
      { health: { reachable: false, problem: "nothing listens yet" } },
      "nothing listens yet",
    ],
    ["silence without a reason", { health: { reachable: false } }, "it does not answer"],
    [
      "an error page",
      { health: { reachable: true, httpStatus: 502, problem: "HTTP status 502" } },
      "HTTP status 502",
    ],
    ["an answer without facts", { health: { reachable: true } }, "it gives no health"],
    ["200 while degraded", { health: healthy({ status: "degraded" }) }, 'its status is "degraded"'],
    [
      "200 without its database",
      { health: healthy({ databaseHealthy: false }) },
      "it can't reach its database",
    ],
    [
      "another version",
      { health: healthy({ version: "0.16.0" }) },
      "it reports version 0.16.0, the commit has 0.17.0",
    ],
    [
      "another web client",
      { webVersion: "1.0.0" },
      "its web client is 1.0.0, the commit has 1.1.0",
    ],
    [
      "a web client that has no version",
      { webVersion: undefined },
      "its web client is without a version, the commit has 1.1.0",
    ],
    ["a silent database", { database: undefined }, "the database does not answer"],
    [
      "an empty database",
      { database: { identity: DATABASE, applied: [] } },
      "migrations not applied: 1, 2",
    ],
    [
      "another PostgreSQL",
      { database: { identity: { ...DATABASE, systemIdentifier: "7002" }, applied: applied(1, 2) } },
      "this is another database (system 7002, oid 16384) than the one of this instance (system 7001, oid 16384)",
    ],
    [
      "another database in the same PostgreSQL",
      { database: { identity: { ...DATABASE, oid: "16999" }, applied: applied(1, 2) } },
      "this is another database (system 7001, oid 16999) than the one of this instance (system 7001, oid 16384)",
    ],
  ];
  for (const [what, facts, failure] of failing)
    it(`refuses ${what}`, () => {
      expect(gateFailures(good(facts), expected)).to.deep.equal([failure]);
    });

  it("names everything that is wrong at once", () => {
    const facts = good({
      taggedImageId: undefined,
      health: healthy({ status: "degraded", databaseHealthy: false, version: "0.1.0" }),
      database: undefined,
    });
    expect(gateFailures(facts, expected)).to.have.length(5);
  });

  it("asks for no version that the commit doesn't tell, and takes any database at first", () => {
    const { crateVersion: _, ...unversioned } = release(NEW_COMMIT);
    const facts = good({
      health: healthy({ version: "dev" }),
      webVersion: undefined,
      database: { identity: { systemIdentifier: "1", oid: "2" }, applied: applied(1, 2) },
    });
    expect(gateFailures(facts, { release: unversioned, image: "chatalot:new" })).to.deep.equal([]);
  });
});

describe("migrationFailures", () => {
  const files = [migration(1), migration(2), migration(3)];
  const cases: [string, number[], string[]][] = [
    ["none where both have the same, in any order", [3, 1, 2], []],
    ["those not applied", [1], ["migrations not applied: 2, 3"]],
    ["all on an empty database", [], ["migrations not applied: 1, 2, 3"]],
    [
      "those that the release doesn't have",
      [1, 2, 3, 4, 5],
      ["applied migrations that the release does not have: 4, 5"],
    ],
    [
      "a renumbered one twice",
      [1, 2, 4],
      ["migrations not applied: 3", "applied migrations that the release does not have: 4"],
    ],
  ];
  for (const [what, versions, failures] of cases)
    it(`finds ${what}`, () => {
      expect(migrationFailures(applied(...versions), files)).to.deep.equal(failures);
    });

  it("finds those that were edited", () => {
    const edited = [migration(1), migration(2, "e"), migration(3, "f")];
    expect(migrationFailures(applied(1, 2, 3), edited)).to.deep.equal([
      "migrations applied with other content: 2, 3",
    ]);
  });
});
