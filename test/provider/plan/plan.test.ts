import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  git,
  makeSampleRepository,
  type SampleRepository,
} from "../../../demo/repository/index.ts";
import { breakingRefusals } from "../../../provider/plan/breaking.ts";
import { makePlan, type Plan } from "../../../provider/plan/plan.ts";
import type { PlannedReplacement } from "../../../provider/plan/replacement.ts";
import { parseHostFacts } from "../../../provider/server/host-facts.ts";
import { compareCompose } from "../../../release/compose-compare.ts";
import { compareMigrations } from "../../../release/compare.ts";
import { type Mirror, openMirror } from "../../../release/mirror.ts";
import { describeRelease, type Release } from "../../../release/release.ts";
import type { ServerState } from "../../../updater/protocol.ts";
import { state as fullState } from "../support/full-answers.ts";
import { readyFacts, stateRunning } from "../support/samples.ts";

/** What a plan says, short. */
interface Told {
  ahead?: number;
  behind?: number;
  pending?: number[];
  /** Versions that the changelog has new entries of. */
  changelog?: string[];
  required?: string[];
  changed?: string[];
  isRefused?: boolean;
}

describe("makePlan", function () {
  this.timeout(180_000);
  let folder: string;
  let sample: SampleRepository;
  let mirror: Mirror;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-plan-"));
    sample = await makeSampleRepository(join(folder, "sample"));
    mirror = await openMirror(sample.directory, { cacheDirectory: folder });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function running(release: Release): ServerState {
    const state = stateRunning(release);
    if (state.database !== undefined) state.database.tables = { messages: 18_000_000 };
    return state;
  }

  async function planFor(
    from: string,
    to: string,
    set?: readonly string[],
    stateOf = running,
    replacement?: PlannedReplacement,
  ): Promise<Plan | undefined> {
    const [current, next] = await Promise.all([
      describeRelease(mirror, from),
      describeRelease(mirror, to),
    ]);
    const facts = parseHostFacts(readyFacts());
    const compose = compareCompose(current.composeFile, next.composeFile);
    return makePlan(mirror, current, next, compose, {
      ...{ state: stateOf(current), facts, replacement },
      ...(set === undefined ? {} : { set: new Set(set) }),
    });
  }

  function told(plan: Plan): Told {
    return {
      ahead: plan.ahead,
      behind: plan.behind,
      pending: plan.database?.pending.map(({ version }) => version) ?? [],
      changelog: plan.changelog.map(({ version }) => version),
      required: plan.required.map(({ name, isSet }) => `${name}${isSet ? " (set)" : ""}`),
      changed: plan.services.changed.map(({ service }) => service),
      isRefused: breakingRefusals(plan, undefined).length > 0,
    };
  }

  const NOTHING: Told = {
    ...{ ahead: 0, behind: 0, pending: [], changelog: [], required: [], changed: [] },
    isRefused: false,
  };
  const table: [from: string, to: string, told: Told][] = [
    ["v1.0.0", "v1.0.1", { ahead: 1, changelog: ["v1.0.1"] }],
    ["v1.0.1", "v1.1.0", { ahead: 1, pending: [4], changelog: ["v1.1.0"] }],
    ["v1.1.0", "v1.2.0", { ahead: 1, pending: [5, 6, 7, 8], changelog: ["v1.2.0"] }],
    // One of them has no entry in the changelog.
    ["v1.2.0", "v1.3.0", { ahead: 1, changed: ["chatalot", "postgres"] }],
    [
      "v1.3.0",
      "v2.0.0",
      {
        ...{ ahead: 1, pending: [9], changelog: ["v2.0.0"], required: ["PUBLIC_URL"] },
        ...{ changed: ["chatalot"], isRefused: true },
      },
    ],
    ["v1.1.0", "v1.0.0", { behind: 2 }],
  ];
  for (const [from, to, expected] of table)
    it(`says what lies between ${from} and ${to}`, async () => {
      const plan = await planFor(from, to);
      expect(plan === undefined ? undefined : told(plan)).to.deep.equal({
        ...NOTHING,
        ...expected,
      });
    });

  it("says what lies between the release that served last and another one where nothing serves", async () => {
    const removed = (release: Release): ServerState => {
      const { serving, database: _, ...state } = running(release);
      const kept = fullState.serving?.serving;
      if (serving === undefined || kept === undefined) throw new Error("the samples serve");
      const left = { ...kept, applied: release.migrations };
      return { ...state, lastServing: { ...serving, serving: left } };
    };
    const plan = await planFor("v1.3.0", "v2.0.0", undefined, removed);
    expect(plan).to.include({ nothingServes: true });
    expect(plan === undefined ? undefined : told(plan)).to.deep.equal({
      ...{ ahead: 1, behind: 0, pending: [9], changelog: ["v2.0.0"], required: ["PUBLIC_URL"] },
      ...{ changed: ["chatalot"], isRefused: true },
    });
    expect(await planFor("v1.3.0", "v1.3.0", undefined, removed)).to.equal(undefined);
  });

  it("counts the migrations and the room by the database that takes the live one's place", async () => {
    const size = 900_000_000;
    const backup = {
      way: "backup" as const,
      name: "b",
      at: "then",
      sequence: 2,
      size,
      pending: [3],
    };
    const [live, replaced, scripts, unknown] = await Promise.all(
      [undefined, backup, { way: "undo-scripts" as const }, { way: "backup" as const }].map(
        (replacement) => planFor("v1.1.0", "v1.0.0", undefined, running, replacement),
      ),
    );
    expect(live?.database).to.include({ applied: 4 }).and.have.property("pending").that.is.empty;
    expect(live).not.to.have.property("replacement");
    expect(replaced?.replacement).to.deep.equal({ way: "backup", name: "b", at: "then" });
    expect(replaced?.database).to.include({ applied: 2 });
    expect(replaced?.database?.pending.map(({ version }) => version)).to.deep.equal([3]);
    expect((replaced?.disk.needed ?? 0) - (live?.disk.needed ?? 0)).to.equal(size);
    expect(scripts?.database).to.deep.include({ applied: 3, pending: [] });
    expect(unknown?.database).to.equal(undefined);
  });

  it("tells the required variables that are set from those that are not", async () => {
    const plan = await planFor("v1.3.0", "v2.0.0", ["PUBLIC_URL"]);
    expect(plan?.required).to.deep.equal([{ name: "PUBLIC_URL", isSet: true }]);
  });

  it("counts the updates that there is room for, this one included", async () => {
    const plan = await planFor("v1.0.0", "v1.0.1");
    const { needed = 0, free = 0, updates } = plan?.disk ?? {};
    // Each leaves an image and a dump, and gives back what its proof took.
    expect(updates).to.equal(
      1 + Math.floor((free - needed) / (0.5 * 1024 ** 3 + (plan?.database?.bytes ?? 0))),
    );
  });

  it("names the tables that are changed, with their size", async () => {
    const plan = await planFor("v1.0.1", "v1.1.0");
    expect(plan?.database?.pending[0]?.effects).to.deep.equal([
      {
        ...{ on: "messages", what: "1 new column", cost: "instant", isDestructive: false },
        bytes: 18_000_000,
      },
    ]);
  });

  it("tells a table that is filled from others with the size of those", async () => {
    const [current, next] = await Promise.all([
      describeRelease(mirror, "v1.0.1"),
      describeRelease(mirror, "v1.1.0"),
    ]);
    const file = next.migrations.at(-1)?.file ?? "";
    const sql = new Map([[file, "CREATE TABLE copy AS SELECT * FROM messages, other"]]);
    const state = running(current);
    const plan = await makePlan(mirror, current, { ...next, sql }, undefined, {
      ...{ state, facts: parseHostFacts(readyFacts()) },
    });
    expect(plan?.database?.pending[0]?.effects).to.deep.equal([
      {
        ...{ on: "copy", what: "new table", cost: "writes", isDestructive: false },
        ...{ reads: ["messages", "other"], bytes: 18_000_000 },
      },
    ]);
  });

  it("has one for every release of the sample, good or bad, and for the newest commit", async () => {
    const released = Object.keys(sample.tags).filter((tag) => tag !== "v1.0.0");
    for (const reference of [...released, sample.head]) {
      const plan = await planFor("v1.0.0", reference);
      const [ahead = ""] = (
        await git(sample.directory, [
          "rev-list",
          "--count",
          `${sample.tags["v1.0.0"]}..${sample.tags[reference] ?? reference}`,
        ])
      ).split("\n");
      expect(plan?.ahead, reference).to.equal(Number(ahead));
      expect(JSON.parse(JSON.stringify(plan)), reference).to.deep.equal(plan);
    }
  });

  it("names for every release the commits, migrations and obstacles that git knows of", async () => {
    const lines = async (...argv: string[]): Promise<string[]> =>
      (await git(sample.directory, argv)).split("\n").filter((line) => line !== "");
    const filesOf = async (tag: string): Promise<Map<string, string>> => {
      const listed = await lines("ls-tree", "-r", tag, "migrations/");
      return new Map(
        listed.map((line) => {
          const [, blob = "", path = ""] = /^\d+ blob (\w+)\t(.*)$/.exec(line) ?? [];
          return [path.replace("migrations/", ""), blob] as const;
        }),
      );
    };
    for (const { tag, from, commit, expected } of sample.releases) {
      if (from === undefined) continue;
      const reference = tag ?? commit;
      const plan = await planFor(from, reference);
      expect(plan?.commits, reference).to.deep.equal(
        await lines("log", "--format=%s", `${from}..${reference}`),
      );
      const [before, after] = [await filesOf(from), await filesOf(reference)];
      const added = [...after].filter(([name]) => !before.has(name));
      // Renumbered and edited files are told as obstacles, and not as what is to come.
      const isPlain = [...before].every(([name, blob]) => after.get(name) === blob);
      if (isPlain) {
        const pending = await Promise.all(
          added.map(async ([name, blob]) => ({
            version: Number(name.slice(0, 3)),
            checksum: createHash("sha384")
              // The text comes without its last line feed.
              .update(`${await git(sample.directory, ["cat-file", "blob", blob])}\n`)
              .digest("hex"),
          })),
        );
        expect(
          plan?.database?.pending.map(({ version, checksum }) => ({ version, checksum })),
          reference,
        ).to.deep.equal(pending);
      }
      const [current, next] = [
        await describeRelease(mirror, from),
        await describeRelease(mirror, reference),
      ];
      const applied = stateRunning(current).database?.applied ?? [];
      const { edited, missing } = compareMigrations(applied, next.migrations);
      const obstacles = [
        ...compareCompose(current.composeFile, next.composeFile).refusals,
        ...edited,
        ...missing,
      ];
      expect(obstacles.length > 0, reference).to.equal(expected === "is refused");
      if (expected === "is refused") expect(isPlain).to.equal(reference.includes("database"));
    }
  });

  it("has of a changelog only what is above the version of a commit that the repository lacks", async () => {
    const lost = async (from: string, to: string, name = from): Promise<Plan | undefined> => {
      const [then, next] = await Promise.all([
        describeRelease(mirror, from),
        describeRelease(mirror, to),
      ]);
      const { webVersion: _, crateVersion: _crate, ...release } = then;
      const state = running({ ...release, name, commit: "9".repeat(40) });
      const facts = parseHostFacts(readyFacts());
      return makePlan(mirror, undefined, next, undefined, { state, facts });
    };
    const newer = await lost("v1.3.0", "v2.0.0");
    expect(newer).to.include({ notCompared: "newer", ahead: 0, behind: 0 });
    expect(newer?.changelog.map(({ version }) => version)).to.deep.equal(["v2.0.0"]);
    const older = await lost("v1.2.0", "v1.0.1");
    expect(older).to.deep.include({ notCompared: "older", changelog: [], breaking: [] });
    const unknown = await lost("v1.3.0", "v2.0.0", "9".repeat(40));
    expect(unknown).to.deep.include({ notCompared: "unknown", changelog: [] });
    // It may be new, so it has to be read.
    expect(breakingRefusals(unknown, undefined)).to.have.length(1);
  });

  it("is none where the same commit serves", async () => {
    expect(await planFor("v1.0.0", "v1.0.0")).to.equal(undefined);
  });
});
