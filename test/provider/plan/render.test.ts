import { expect } from "chai";
import { breakingRefusals } from "../../../provider/plan/breaking.ts";
import type { Plan } from "../../../provider/plan/plan.ts";
import { planInputs, renderPlan } from "../../../provider/plan/render.ts";

const MB = 1_000_000;

const PLAN: Plan = {
  from: { name: "v1.0.0", commit: "1".repeat(40) },
  to: { name: `v2.0.0@${"2".repeat(40)}`, commit: "2".repeat(40) },
  ahead: 2,
  behind: 0,
  commits: ["Pin messages", "Keep a log"],
  changelog: [
    {
      version: "v2.0.0",
      changes: ["`PUBLIC_URL` must be set.", "A log."],
      breaking: ["`PUBLIC_URL` must be set."],
    },
  ],
  changelogEndsAt: "v2.0.0",
  breaking: ["`PUBLIC_URL` must be set."],
  required: [
    { name: "PUBLIC_URL", isSet: false },
    { name: "TOTP_ENCRYPTION_KEY", isSet: true },
  ],
  services: {
    changed: [{ service: "postgres", because: ["logging"] }],
    added: [],
    removed: ["old"],
  },
  override: "docker-compose.override.yml: chatalot ports",
  database: {
    bytes: 412 * MB,
    applied: 49,
    pending: [
      {
        ...{ version: 50, description: "thumbnails", checksum: "a", isOutOfOrder: false },
        effects: [
          {
            on: "files",
            what: "2 new columns",
            cost: "instant",
            isDestructive: false,
            bytes: 18 * MB,
          },
          {
            on: "files",
            what: "drops column old",
            cost: "instant",
            isDestructive: true,
            bytes: 18 * MB,
          },
        ],
      },
      { version: 7, description: "late", checksum: "b", isOutOfOrder: true, effects: [] },
    ],
  },
  imageIsThere: false,
  last: { build: 724_000, backup: 2_400, away: 18_000, back: 31_000 },
  disk: { needed: 3_100 * MB, free: 9_800 * MB, updates: 7 },
};

describe("planInputs", () => {
  it("are the plan, with one text for each migration", () => {
    const { database, ...others } = PLAN;
    expect(planInputs(PLAN)).to.deep.equal({
      ...others,
      database: {
        ...database,
        pending: {
          "050 thumbnails":
            "files (18 MB): 2 new columns, instant; files (18 MB): drops column old, DATA GO, instant",
          "007 late": "BELOW ONE THAT IS APPLIED; no table is changed",
        },
      },
    });
  });

  it("say nothing of a database that does not answer", () => {
    const { database: _, ...others } = PLAN;
    expect(planInputs(others)).to.deep.equal(others);
  });
});

describe("renderPlan", () => {
  it("says beforehand what an update does, in 80 columns", () => {
    const text = renderPlan(PLAN);
    for (const line of text.split("\n")) expect(line).to.have.length.at.most(80);
    expect(text).to.equal(`UPDATE   v1.0.0 (1111111) -> v2.0.0 (2222222)   2 commits
Notes    v2.0.0: \`PUBLIC_URL\` must be set.
         v2.0.0: A log.
BREAKING \`PUBLIC_URL\` must be set.
Settings PUBLIC_URL: required from now on; TOTP_ENCRYPTION_KEY: required from
         now on, you have it
Changes  chatalot gets a new image; made anew, too: postgres (logging); data
         stay; gone: old
Yours    docker-compose.override.yml: chatalot ports (kept)
Database 412 MB; 49 migrations applied, 2 to come
         050 thumbnails | files (18 MB): 2 new columns, instant; files (18 MB):
         drops column old, DATA GO, instant
         007 late, BELOW ONE THAT IS APPLIED | no table is changed
Steps    the image is made first about 12 min, backup about 2 s: chat stays up;
         swap about 18 s, migrations: CHAT IS AWAY
Failure  v1.0.0 (1111111) comes back by itself (last time the chat was away
         about 31 s), with its database as it was when it stopped; nobody can
         write in between
Disk     needs about 3.1 GB, 9.8 GB free: room for 7 such updates`);
  });

  it("promises no chat that stays up or comes back where nothing serves", () => {
    const { bytes: _, ...database } = PLAN.database ?? { applied: 0, pending: [] };
    const text = renderPlan({ ...PLAN, nothingServes: true, database });
    for (const line of text.split("\n")) expect(line).to.have.length.at.most(80);
    expect(text)
      .to.include(
        `Serves   nothing now: its containers were removed; v1.0.0 (1111111) was the last`,
      )
      .and.include(
        `Database stopped, as v1.0.0 (1111111) left it; 49 migrations applied, 2 to come`,
      ).and.include(`Steps    the image is made first about 12 min, database started, backup about 2
         s, start, migrations: CHAT IS AWAY until it is healthy
Failure  nothing serves, as now; the database is as it was, and nobody can write
         in between
Disk     needs about 3.1 GB besides the backup, whose size is not known, 9.8 GB
         free: room for 7 such updates`);
    expect(text).to.not.match(/stays up|comes back|swap/);
    const none = renderPlan({
      ...PLAN,
      nothingServes: true,
      database: { ...database, pending: [] },
    });
    expect(none).to.include("nothing serves, as now; the database is not touched");
  });

  it("says what the database becomes where another one takes its place", () => {
    const database = {
      bytes: 412 * MB,
      applied: 48,
      pending: PLAN.database?.pending.slice(0, 1) ?? [],
    };
    const at = "2026-03-01T02:00:00Z";
    const backup = { way: "backup" as const, name: "000012-20260301T020000Z", at };
    const text = renderPlan({ ...PLAN, database, replacement: backup });
    for (const line of text.split("\n")) expect(line).to.have.length.at.most(80);
    expect(text).to.include(`Database replaced by the backup 000012-20260301T020000Z, of
         2026-03-01T02:00:00Z: 48 migrations applied, 1 to come; the one of now,
         412 MB, is kept under another name
         050 thumbnails | files (18 MB)`).and
      .include(`Steps    the image is made first about 12 min, backup about 2 s, the other
         database restored beside the live one: chat stays up; swap about 18 s,
         migrations: CHAT IS AWAY
Failure  v1.0.0 (1111111) comes back by itself (last time the chat was away
         about 31 s), and the database of now is live again; nobody can write in
         between
Disk     needs about 3.1 GB besides the uploads that it puts back, 9.8 GB free:
         room for 7 such updates`);
    const { database: _, ...silent } = PLAN;
    expect(renderPlan({ ...silent, replacement: { way: "revert-point" } })).to.match(
      /^Database replaced by the newest revert-point that fits: its migrations are not\s+known yet/m,
    );
  });

  it("says where undo scripts run, and promises no untouched database", () => {
    const scripts = renderPlan({
      ...PLAN,
      database: { bytes: 412 * MB, applied: 48, pending: [] },
      replacement: { way: "undo-scripts" },
    });
    expect(scripts).to.match(/^Database replaced by a copy with the undo scripts applied: 48/m);
    expect(scripts).to.match(
      /backup about 2\s+s, undo\s+scripts\s+tried\s+on\s+a\s+copy:\s+chat\s+stays\s+up;/,
    );
    expect(scripts).to.match(
      /swap\s+about\s+18\s+s,\s+undo\s+scripts\s+on\s+a\s+copy:\s+CHAT\s+IS\s+AWAY/,
    );
    expect(scripts).not.to.contain("is not touched");
    expect(
      renderPlan({ ...PLAN, nothingServes: true, replacement: { way: "revert-point" } }),
    ).to.match(/nothing serves, as now, and the database of now is\s+live\s+again/);
  });

  it("says of times only what was measured, and where the room may not be enough", () => {
    const text = renderPlan({ ...PLAN, last: {}, disk: { needed: 3e9, free: 1e9, updates: 0 } });
    expect(text).to.not.contain("about 1").and.not.contain("last time");
    expect(text).to.contain("free: MAY NOT BE ENOUGH");
    const much = renderPlan({ ...PLAN, disk: { needed: 1e9, free: 1e12, updates: 900 } });
    expect(much).to.contain("room for more than 20 such updates");
  });

  it("never takes a silent changelog for one without breaking changes", () => {
    const silent = { ...PLAN, changelog: [], changelogEndsAt: "v0.20.0", breaking: [] };
    expect(renderPlan(silent)).to.include(
      "Notes    changelog ends at v0.20.0; commits: Pin messages; Keep a log",
    );
    const { changelogEndsAt: _, ...none } = silent;
    expect(renderPlan({ ...none, commits: [] })).to.include("Notes    no changelog");
  });

  it("says of a table that is filled from another how much is read", () => {
    const effect = {
      on: "files_new",
      what: "new rows",
      cost: "writes",
      isDestructive: false,
    } as const;
    const pending = { version: 50, description: "rebuild", checksum: "a", isOutOfOrder: false };
    const effects = [{ ...effect, reads: ["files", "users"], bytes: 18 * MB }];
    const text = renderPlan({
      ...PLAN,
      database: { applied: 1, pending: [{ ...pending, effects }] },
    });
    expect(text.replaceAll(/\s+/g, " ")).to.include(
      "050 rebuild | files_new: new rows from files, users (18 MB), writes the table anew",
    );
  });

  it("says what can't be compared where the repository does not have what runs", () => {
    const lost = { ...PLAN, ahead: 0, commits: [], changelog: [], notCompared: "older" as const };
    const text = renderPlan(lost);
    expect(text).to.match(
      /^GO BACK +v1\.0\.0 \(1111111\) -> v2\.0\.0 \(2222222\)\nUnknown  what runs is not/,
    );
    expect(text.replaceAll(/\s+/g, " "))
      .to.contain("commits, changes and compose file can't be compared")
      .and.to.contain("Changes chatalot gets a new image; of other services nothing is known")
      .and.not.to.contain("Notes");
    expect(renderPlan({ ...lost, notCompared: "newer" })).to.match(/^UPDATE /);
    expect(renderPlan({ ...lost, notCompared: "unknown" })).to.match(/^CHANGE /);
  });

  it("calls a way back what it is", () => {
    const back = { ...PLAN, ahead: 0, behind: 3 };
    expect(renderPlan(back)).to.match(/^GO BACK +v1\.0\.0 .* without 3 commits of what runs/);
  });

  it("keeps a long story short", () => {
    const changes = Array.from({ length: 100 }, (_, at) => `change ${at} ${"x".repeat(150)}`);
    const long = { ...PLAN, changelog: [{ version: "v2.0.0", changes, breaking: [] }] };
    expect(renderPlan(long)).to.include("and 88 more");
    for (const line of renderPlan(long).split("\n")) expect(line).to.have.length.at.most(80);
  });
});

describe("breakingRefusals", () => {
  it("refuses what was not read, and names it", () => {
    const [refusal, ...more] = breakingRefusals(PLAN, undefined);
    expect(more).to.deep.equal([]);
    expect(refusal)
      .to.include("`PUBLIC_URL` must be set.")
      .and.include("pulumi config set breakingChangesReadUpTo v2.0.0");
  });

  for (const read of ["v2.0.0", "2.0.0", "v2.1.0", "2222222", "2".repeat(40)])
    it(`lets pass what was read up to ${read}`, () => {
      expect(breakingRefusals(PLAN, read)).to.deep.equal([]);
    });

  for (const read of ["v1.9.0", "main", "1111111"])
    it(`refuses what was read up to ${read} only`, () => {
      expect(breakingRefusals(PLAN, read)).to.have.length(1);
    });

  it("wants the release itself to be named for a commit that breaks", () => {
    const plan = { ...PLAN, breaking: ["feat!: new port"] };
    expect(breakingRefusals(plan, "v3.0.0")).to.have.length(1);
    expect(breakingRefusals(plan, "v2.0.0")).to.deep.equal([]);
  });

  it("has nothing to say where nothing breaks", () => {
    expect(breakingRefusals({ ...PLAN, breaking: [] }, undefined)).to.deep.equal([]);
    expect(breakingRefusals(undefined, undefined)).to.deep.equal([]);
  });
});
