import { runtime } from "@pulumi/pulumi";
import { expect } from "chai";
import type { Wire } from "../../provider/codec.ts";
import { deployment } from "../../provider/deployment.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { expectColumns } from "./support/columns.ts";
import { FakeServer, unreachable } from "./support/fake-server.ts";
import {
  applied,
  COMMIT,
  deploymentInputs,
  listeningContext,
  migrations,
  NEWER,
  place,
  readyFacts,
  reasons,
  servingRecord,
  servingState,
} from "./support/samples.ts";

const UNKNOWN = runtime.unknownValue;
const OLDS: Wire = { ...deploymentInputs(), instanceId: "instance-a" };
const TRIED = { sequence: 4, commit: NEWER, at: "2026-03-02T12:00:00Z", cause: "it crashed\nlog" };

describe("deployment, in a preview", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    server.state = servingState();
    await server.arrive();
  });

  afterEach(async () => {
    await server.leave(original);
  });

  /** Another reading of a server in this state. */
  async function check(
    state: Partial<ServerState> | undefined,
    changes: Wire = {},
    olds: Wire = OLDS,
  ) {
    await server.nextRun();
    server.state = state === undefined ? undefined : servingState(state);
    return deployment.check(listeningContext(), olds, deploymentInputs(changes));
  }

  it("begins with what it comes to: nothing, other settings, or an update that is told elsewhere", async () => {
    const firstWords = async (
      state: Partial<ServerState>,
      changes: Wire = {},
      olds: Wire = OLDS,
    ): Promise<string[]> => {
      await server.nextRun();
      server.state = servingState(state);
      const context = listeningContext();
      const checked = await deployment.check(context, olds, deploymentInputs(changes));
      checked.announce?.({ ...olds, sequence: 3 });
      return context.told.map((text) => text.split(/ {2}|(?<=^SETTINGS) /)[0] ?? "");
    };
    expect(await firstWords({})).to.deep.equal(["NOTHING TO DO"]);
    expect(
      await firstWords(
        {},
        { configuration: { ...(OLDS.configuration as Wire), url: "https://x.example" } },
      ),
    ).to.deep.equal(["SETTINGS"]);
    expect(await firstWords({}, { commit: NEWER })).to.not.include("NOTHING TO DO");
    expect(await firstWords({}, {}, {})).to.deep.equal([]);
    expect((await firstWords({ drift: ["the server is stopped"] })).join()).to.match(/^The server/);
  });

  it("begins with the release where none serves", async () => {
    for (const [state, olds] of [
      [{}, {}],
      [{ lastServing: servingRecord() }, OLDS],
    ] as const) {
      await server.nextRun();
      const { serving: _, ...removed } = servingState(state);
      server.state = removed;
      const context = listeningContext();
      await deployment.check(context, olds, deploymentInputs());
      expect(context.told[0]).to.match(/^DEPLOY {3}v1\.0\.0 /);
    }
  });

  it("asks for a change where somebody else brought settings for the same release, and says so", async () => {
    await server.nextRun();
    server.state = servingState({
      serving: servingRecord({ sequence: 5, requestedBy: "bob@laptop" }),
      hooks: { names: ["after-update"], problems: [], ignored: [] },
    });
    const context = listeningContext();
    const news = deploymentInputs();
    const { additions, announce } = await deployment.check(context, OLDS, news);
    expect(context.told).to.deep.equal([]);
    for (const [sequence, changes] of [
      [5, false],
      [3, true],
    ] as const) {
      const outputs = { ...OLDS, sequence };
      expect(deployment.diff(outputs, { ...news, ...additions })).to.equal(changes);
      announce?.(outputs);
    }
    const [nothing, settings, hooks] = context.told;
    expect(nothing).to.match(/^NOTHING TO DO/);
    expect(settings?.replaceAll(/\s+/g, " "))
      .to.include("bob@laptop (job 5)")
      .and.include("its last job was 3");
    expect(hooks).to.match(/^HOOKS/);
  });

  describe("of a release that serves and was tried since with settings or data that failed", () => {
    const tried = { ...TRIED, commit: COMMIT, served: true as const };
    const other = { configuration: { ...(OLDS.configuration as Wire), url: "https://x.example" } };
    const refused = { answer: "refused" as const, reasons: ["tried (job 4): retry 4"] };

    async function refusalsOf(changes: Wire, state: Partial<ServerState> = {}): Promise<string[]> {
      return reasons(await check({ reverted: [tried], ...state }, changes));
    }

    it("passes on what the server says of these settings, and of this backup", async () => {
      server.foreseen = refused;
      expect(await refusalsOf(other)).to.deep.equal(refused.reasons);
      const rollback = { way: "backup", job: 3, backup: "000002-20260301T201500Z" };
      expect(await refusalsOf({ rollback })).to.deep.equal(refused.reasons);
      server.foreseen = { answer: "would-start" };
      expect(await refusalsOf(other)).to.deep.equal([]);
      expect(await refusalsOf({ rollback })).to.deep.equal([]);
    });

    it("asks only where something is to be done, was tried, and can be compared", async () => {
      server.foreseen = refused;
      expect(await refusalsOf({})).to.deep.equal([]);
      expect(await refusalsOf({ ...other, retry: 4 })).to.deep.equal([]);
      expect(await refusalsOf(other, { reverted: [] })).to.deep.equal([]);
      expect(await refusalsOf({ ...other, secrets: UNKNOWN })).to.deep.equal([]);
      const openJob = {
        ...{ sequence: 5, kind: "backup" as const, requestedBy: "the clock" },
        ...{ openedAt: "2026-03-03T12:00:00Z", step: "J4" },
      };
      expect(await refusalsOf(other, { openJob })).to.deep.equal([]);
    });

    it("lets go back to it from another release, unless the server says that these settings failed", async () => {
      const release = { name: "v2.0.0", commit: NEWER, migrations: [] };
      const serving = servingRecord({ sequence: 5, release });
      server.foreseen = { answer: "would-start" };
      expect(await refusalsOf({}, { serving })).to.deep.equal([]);
      server.foreseen = refused;
      expect(await refusalsOf({}, { serving })).to.deep.equal(refused.reasons);
      expect(await refusalsOf({}, { serving, prepared: [] })).to.deep.equal([]);
    });
  });

  it("asks the server on behalf of a stack without a state, whose secrets are not made yet", async () => {
    server.foreseen = { answer: "would-start" };
    const context = listeningContext();
    const unknown = { secrets: UNKNOWN, webVersion: UNKNOWN };
    await deployment.check(context, {}, deploymentInputs(unknown));
    expect(server.commands.filter((label) => label.includes("anything is to be done")))
      .to.have //
      .length(1);
    expect(context.told.join().replaceAll(/\s+/g, " ")).to.include(
      "with other settings than this stack's",
    );
  });

  it("has nothing to say of what is as it was", async () => {
    const { additions, refusals } = await check({});
    expect(refusals).to.deep.equal([]);
    expect(additions).to.have.all.keys("instanceId", "brought");
  });

  it("says what an update puts out of reach, and nothing where all has room", async () => {
    const old = { name: "v0.9.0", commit: "9".repeat(40) };
    const reach = {
      releases: [{ name: "v1.0.0", commit: COMMIT }, old],
      backups: [
        { name: "000002-20260301T201500Z", sequence: 2, provenAt: new Date().toISOString() },
      ],
      revertPoints: [],
    };
    const asked = { commit: NEWER, release: "v1.1.0" };
    const { additions } = await check({ reach }, { ...asked, keepReleases: 2 });
    expect(additions.leavesReach).to.deep.equal(["v0.9.0 (9999999)"]);
    const context = listeningContext();
    await deployment.check(context, OLDS, deploymentInputs({ ...asked, keepReleases: 2 }));
    expectColumns(context.told);
    expect(context.told.join("\n")).to.match(/^Leaves {3}Once this update is committed/m);
    expect((await check({ reach }, { ...asked, keepReleases: 3 })).additions).to.not.have.property(
      "leavesReach",
    );
    expect((await check({ reach }, { keepReleases: 1 })).additions).to.not.have.property(
      "leavesReach",
    );
  });

  it("names the instance that it finds first, and stays with it", async () => {
    expect((await check({}, {}, {})).additions).to.include({ instanceId: "instance-a" });
    expect((await check(undefined, {}, {})).additions).to.deep.equal({});
  });

  describe("refuses", () => {
    it("a commit that was reverted, until its job is named", async () => {
      const [reason] = reasons(await check({ reverted: [TRIED] }, { commit: NEWER }));
      expect(reason)
        .to.include("tried on 2026-03-02T12:00:00Z (job 4)")
        .and.include("it crashed")
        .and.include("pulumi config set retry 4")
        .and.not.include("log");
      for (const retry of [3, 5])
        expect(reasons(await check({ reverted: [TRIED] }, { commit: NEWER, retry })))
          .to.have //
          .length(1);
      expect(reasons(await check({ reverted: [TRIED] }, { commit: NEWER, retry: 4 })))
        .to //
        .deep.equal([]);
    });

    it("no other commit than the reverted one, and not the one that serves", async () => {
      expect(reasons(await check({ reverted: [TRIED] }))).to.deep.equal([]);
      const tried = { ...TRIED, commit: COMMIT };
      expect(reasons(await check({ reverted: [tried] }))).to.deep.equal([]);
    });

    it("a release that lacks an applied migration", async () => {
      const { "002_first_messages.sql": _, ...fewer } = migrations;
      expect(reasons(await check({}, { migrations: fewer })).join())
        .to.include("does not know 1 applied")
        .and.include("2 first messages");
    });

    it("a release that edited one", async () => {
      const edited = { ...migrations, "001_users.sql": "e".repeat(96) };
      expect(reasons(await check({}, { migrations: edited })).join())
        .to.include("other content for 001 users")
        .and.include("Choose a release");
    });

    it("another release while no copy of the database can be made", async () => {
      const database = { ...servingState().database, obstacle: "its sorting rules changed" };
      const state = { database } as Partial<ServerState>;
      const [reason] = reasons(await check(state, { commit: NEWER }));
      expect(reason).to.include("can't be backed up").and.include("its sorting rules changed");
      expect((await check(state)).refusals).to.deep.equal([]);
    });

    it("both of these at once, also by the ledger where the database is silent", async () => {
      const serving = servingRecord({
        serving: { ...emptyServing(), applied },
      });
      const { database: _, ...silent } = servingState({ serving });
      await server.nextRun();
      server.state = silent;
      const values = deploymentInputs({ migrations: { "001_users.sql": "e".repeat(96) } });
      expect(reasons(await deployment.check(listeningContext(), OLDS, values))).to.have.length(2);
    });

    it("another instance, and an empty server behind the same settings", async () => {
      expect(reasons(await check({ instanceId: "instance-b" })).join())
        .to.include("deployed instance instance-a")
        .and.include("instance instance-b")
        .and.include("Nothing is changed");
      expect(reasons(await check(undefined)).join()).to.include("holds none");
    });

    it("an empty server also where the first run couldn't note the instance", async () => {
      expect(reasons(await check(undefined, {}, deploymentInputs())).join()).to.include(
        "deployed an instance, but /srv/chatalot on this server holds none",
      );
    });

    it("what this tool did not deploy", async () => {
      await server.nextRun();
      server.state = undefined;
      server.facts = `${readyFacts()}file=/srv/chatalot/.env\ncontainer=/chatalot-db\nvolume=v\n`;
      const checked = await deployment.check(listeningContext(), {}, deploymentInputs());
      expect(reasons(checked).join())
        .to.include("the file /srv/chatalot/.env")
        .and.include("the container chatalot-db")
        .and.include("data in the volume v");
    });

    it("everything while a job needs the operator", async () => {
      expect(reasons(await check({ needsOperator: "The disk is full.\n" })).join())
        .to.include("neither finish nor go back: The disk is full.")
        .and.include("npx chatalot resolve");
    });
  });

  it("refuses nothing by what is not known yet", async () => {
    const unknown = { commit: UNKNOWN, migrations: UNKNOWN };
    const checked = await check({ reverted: [TRIED] }, unknown);
    expect(reasons(checked)).to.deep.equal([]);
  });

  it("refuses nothing while the server can't be reached, and keeps the instance", async () => {
    server.failure = unreachable();
    const checked = await check({ instanceId: "instance-b" }, { commit: NEWER });
    expect(checked).to.deep.equal({ additions: { instanceId: "instance-a" }, refusals: [] });
  });

  it("fails on what is no mere silence", async () => {
    server.failure = new Error("the host key is another");
    const failed: unknown = await check({}).catch((error: unknown) => error);
    expect(failed).to.equal(server.failure);
  });

  describe("shows as drift", () => {
    const drift = async (state: Partial<ServerState>, olds: Wire = OLDS): Promise<unknown> =>
      (await check(state, {}, olds)).additions["drift"];

    it("how the server differs from its ledger", async () => {
      expect(await drift({ drift: ["the server is exited", "it is not healthy: no answer"] }))
        .to //
        .equal("the server is exited; it is not healthy: no answer");
    });

    it("what somebody else deployed", async () => {
      const serving = servingRecord({
        release: { name: "v2.0.0", commit: NEWER, migrations: [] },
        requestedBy: "bob@laptop",
      });
      expect(await drift({ serving })).to.equal(
        "v2.0.0 serves since 2026-03-01T12:01:00Z, deployed by bob@laptop",
      );
    });

    it("that nothing is deployed any more, unless a job is under way", async () => {
      const { release: _, ...removal } = servingRecord({ kind: "remove" });
      expect(await drift({ serving: removal })).to.equal("nothing is deployed");
      const openJob = {
        ...{ sequence: 5, kind: "switch" as const, requestedBy: "bob@laptop" },
        ...{ openedAt: "2026-03-03T12:00:00Z", step: "J8" },
      };
      expect(await drift({ serving: removal, openJob })).to.equal(undefined);
    });

    it("nothing before the first deployment", async () => {
      expect(await drift({ drift: ["the server is exited"] }, {})).to.equal(undefined);
    });
  });
});

describe("deployment.diff", () => {
  const outputs = deploymentInputs({ instanceId: "instance-a", sequence: 3 });

  for (const [what, changes] of [
    ["nothing changed", {}],
    ["the gate", { gate: { timeout: 1, migrationTimeout: 1, mustStayGoodFor: 1 } }],
    ["a retry", { retry: 4 }],
    ["the proposed secrets", { secrets: { databasePassword: "another" } }],
    ["how much is kept", { keepReleases: 1 }],
    ["another name of the same commit", { release: COMMIT }],
    [
      "an order of members",
      { migrations: Object.fromEntries(Object.entries(migrations).reverse()) },
    ],
  ] satisfies [string, Wire][]) {
    it(`sees no change in ${what}`, () => {
      expect(deployment.diff(outputs, deploymentInputs(changes))).to.equal(false);
    });
  }

  for (const [what, changes] of [
    ["another commit", { commit: NEWER }],
    ["another way to the server", { place: { ...place, server: null } }],
    ["another address", { configuration: { listen: { address: "0.0.0.0", port: 8080 } } }],
    ["another secret", { secretEnv: { GIPHY_API_KEY: "another" } }],
    ["a secret less", { secretEnv: {} }],
    ["another migration", { migrations: { ...migrations, "003_x.sql": "d" } }],
    ["drift", { drift: "the server is exited" }],
    ["a commit that is not known yet", { commit: UNKNOWN }],
    ["a secret that is not known yet", { secretEnv: { GIPHY_API_KEY: UNKNOWN } }],
  ] satisfies [string, Wire][]) {
    it(`sees ${what}`, () => {
      expect(deployment.diff(outputs, deploymentInputs(changes))).to.equal(true);
    });
  }

  it("sees a deployment that was begun and not finished", () => {
    expect(deployment.diff({ place, instanceId: "instance-a" }, deploymentInputs())).to.equal(true);
  });

  it("refuses another instance than the last run made", () => {
    const news = deploymentInputs({ instanceId: "instance-b" });
    expect(() => deployment.diff(outputs, news)).to.throw("holds instance instance-b");
  });
});

function emptyServing() {
  return {
    releaseDirectory: "releases/x-3",
    configurationDigest: "d",
    image: "chatalot-deploy/chatalot:1",
    imageId: "sha256:1",
    composeConfigHash: "h",
    profiles: [],
    restartPolicy: "unless-stopped",
    database: { systemIdentifier: "7", oid: "16384" },
    applied: [],
  };
}
