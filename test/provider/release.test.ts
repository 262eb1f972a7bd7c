import { expect } from "chai";
import type { Wire } from "../../provider/codec.ts";
import { checkRelease, identityOf, release } from "../../provider/release.ts";
import { releaseFacts } from "../../provider/release-facts.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { forgetUpdates } from "../../release/mirror.ts";
import { SAMPLE_FILES, SampleRepository } from "../release/sample-repository.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { FakeServer, unreachable } from "./support/fake-server.ts";
import {
  listeningContext,
  place,
  readyFacts,
  reasons,
  servingRecord,
  servingState,
} from "./support/samples.ts";

const compose = (image: string, volume: string): string =>
  `services:\n  chatalot: { build: . }\n  postgres:\n    image: ${image}\n    volumes: ["${volume}"]\n`;

describe("release", () => {
  const original = RemoteServer.openTransport;
  useOwnCache();
  let sample: SampleRepository;
  let server: FakeServer;
  /** v1 serves; v2 has another PostgreSQL, v3 another data path, v4 the same database. */
  const commits: Record<string, string> = {};

  before(async () => {
    sample = await SampleRepository.create();
    const files = [
      compose("postgres:17", "data:/var/lib/postgresql/data"),
      compose("postgres:18", "data:/var/lib/postgresql/data"),
      compose("postgres:17", "data:/var/lib/postgresql"),
      compose("postgres:17.6", "data:/var/lib/postgresql/data"),
    ];
    for (const [at, file] of files.entries()) {
      const tag = `v${at + 1}`;
      commits[tag] = await sample.commit({ ...SAMPLE_FILES, "docker-compose.yml": file });
      await sample.git("tag", tag);
    }
  });

  after(async () => {
    await sample.remove();
  });

  beforeEach(async () => {
    forgetUpdates();
    server = new FakeServer();
    serve(commits["v1"]);
    await server.arrive();
  });

  afterEach(async () => {
    await server.leave(original);
  });

  function serve(commit: string | undefined): void {
    const record = servingRecord({
      release: { name: "v1", commit: commit ?? "", migrations: [] },
    });
    server.state = servingState({ serving: record, prepared: [commit ?? ""] });
  }

  function inputs(reference: string): Wire {
    return { place, repository: sample.path, release: reference };
  }

  const check = (reference: string, olds: Wire = {}) =>
    release.check(listeningContext(), olds, inputs(reference));

  describe("check with another database for the release", () => {
    const rollback = { way: "backup", job: 3 };
    const told = async (changes: Wire): Promise<string> => {
      const databases = [
        { way: "backup" as const, name: "a-backup", sequence: 2, at: "2026-03-01T02:00:00Z" },
      ].map((database) => ({ ...database, size: 7, pending: [2] }));
      const back = { release: { name: "v1", commit: commits["v1"] ?? "" }, databases };
      serve(commits["v4"]);
      server.history = {
        ...server.history,
        waysBack: [{ ...back, missing: ["009 shout"], pending: [] }],
      };
      const context = listeningContext();
      const { refusals } = await release.check(
        context,
        {},
        { ...inputs(`v1@${commits["v1"]}`), ...changes },
      );
      expect(refusals).to.deep.equal([]);
      return context.told.join("\n");
    };

    it("plans by that one, and promises no untouched database", async () => {
      const text = await told({ rollback });
      expect(text)
        .to.match(
          /^Database replaced by the backup a-backup, of 2026-03-01T02:00:00Z: 1\s+migration/m,
        )
        .and.contain("002 first messages")
        .and.not.contain("is not touched");
      await server.nextRun();
      expect(await told({ rollback: { way: "undo-scripts", job: 3, scripts: "/nowhere" } }))
        .to.contain("replaced by a copy with the undo scripts applied")
        .and.not.contain("is not touched");
    });

    it("plans by the live one where that was meant for another job", async () => {
      expect(await told({ rollback: { ...rollback, job: 2 } })).to.equal(await told({}));
    });

    it("changes nothing for it alone, and keeps nothing of it", async () => {
      const olds = { place, commit: commits["v1"], instanceId: "instance-a" };
      expect(release.diff(olds, { ...olds, rollback })).to.equal(false);
      const { additions } = await check("v1");
      const { outputs } = await release.create(listeningContext(), {
        ...{ ...inputs("v1"), ...additions, rollback },
      });
      expect(outputs).not.to.have.property("rollback");
    });
  });

  describe("check", () => {
    it("resolves the reference and shows what a diff needs", async () => {
      const { additions, refusals } = await check("v1");
      expect(refusals).to.deep.equal([]);
      expect(additions).to.include({
        commit: commits["v1"],
        crateVersion: "0.17.0",
        webVersion: "0.22.6",
        instanceId: "instance-a",
      });
      expect(additions["migrations"]).to.have.keys("001_users.sql", "002_first_messages.sql");
    });

    it("shows a release whose image is gone as drift", async () => {
      serve(commits["v1"]);
      server.state = { ...servingState(), prepared: [] };
      const { additions } = await check("v1", { commit: commits["v1"], place });
      expect(additions["drift"]).to.include("not on the server any more");
      expect(release.diff({ commit: commits["v1"] }, { ...additions })).to.equal(true);
    });

    it("refuses another major version of PostgreSQL, with what to do", async () => {
      const [reason, ...more] = reasons(await check("v2"));
      expect(more).to.deep.equal([]);
      expect(reason)
        .to.include("v2 can't take over the database of v1")
        .and.include("major version from 17 to 18")
        .and.include("Choose a release with the same database");
    });

    it("refuses another path of the data", async () => {
      expect(reasons(await check("v3")).join()).to.include("changes its data path");
    });

    it("takes a smaller change of PostgreSQL, and the release that serves", async () => {
      expect(reasons(await check("v4"))).to.deep.equal([]);
      expect(reasons(await check("v1"))).to.deep.equal([]);
    });

    it("can't compare where the commit that serves isn't in the repository, or nothing serves", async () => {
      serve("9".repeat(40));
      expect(reasons(await check("v2"))).to.deep.equal([]);
      await server.nextRun();
      const { serving: _, ...empty } = servingState();
      server.state = empty;
      expect(reasons(await check("v2"))).to.deep.equal([]);
    });

    it("compares with what served last where nothing does", async () => {
      const { serving, ...removed } = server.state ?? servingState();
      server.state = { ...removed, ...(serving === undefined ? {} : { lastServing: serving }) };
      expect(reasons(await check("v2")).join()).to.include("major version from 17 to 18");
      expect((await check("v4")).additions["plan"]).to.include({ nothingServes: true });
    });

    describe("where the most that the update may take does not fit", () => {
      const reason = "too little disk space: 5000 MB free on /srv/chatalot, 6500 MB needed";
      const checked = async () => {
        const context = listeningContext();
        const { refusals } = await release.check(context, {}, inputs("v4"));
        return { refusals, warnings: context.warnings.join() };
      };
      beforeEach(() => {
        const { database = { identity: { systemIdentifier: "7", oid: "1" }, applied: [] } } =
          servingState();
        // 20 GB are free.
        server.state = { ...servingState(server.state), database: { ...database, size: 10e9 } };
      });

      it("refuses what the server would refuse for want of room, with its words", async () => {
        server.room = { refusals: [reason] };
        const { refusals, warnings } = await checked();
        expect(refusals).to.deep.equal([
          `There is no room for v4 (${commits["v4"]?.slice(0, 7)}), and nothing was changed: ${reason}`,
        ]);
        expect(warnings).to.equal("");
        expect(server.roomsAsked).to.deep.equal([
          {
            ...{ protocol: 1, directory: place.directory, project: place.project },
            ...{ volumes: place.volumes, changes: 0, isUpgrade: false },
          },
        ]);
      });

      it("warns where it may fit, and where the server can't be asked yet", async () => {
        const warned =
          /There may be too little room for v4 \(.*\): it takes up to .* GB, and .* GB are free/;
        const sure = await checked();
        expect(sure.refusals).to.deep.equal([]);
        expect(sure.warnings).to.match(warned);
        expect(server.roomsAsked).to.have.length(1);
        await server.nextRun();
        server.hasUpdater = false;
        server.facts = `${server.facts}runnerNode=/x\nrunnerUpdater=/y\n`;
        const unknown = await checked();
        expect(unknown.refusals).to.deep.equal([]);
        expect(unknown.warnings).to.match(warned);
        expect(server.roomsAsked).to.have.length(1);
      });

      it("asks nothing while a job is open, and nothing where all fits", async () => {
        const openJob = {
          ...{ sequence: 4, kind: "switch" as const, requestedBy: "ada", step: "J4" },
          openedAt: "2026-03-01T12:00:00Z",
        };
        const full = server.state;
        server.state = { ...servingState(full), openJob };
        expect(await checked()).to.deep.equal({ refusals: [], warnings: "" });
        await server.nextRun();
        server.state = { ...servingState(full) };
        server.facts = server.facts.replaceAll("20971520", "209715200");
        expect(await checked()).to.deep.equal({ refusals: [], warnings: "" });
        expect(server.roomsAsked).to.deep.equal([]);
      });
    });

    it("comes to the same by what was read already, and reads nothing again", async () => {
      const remote = RemoteServer.at(place);
      const known = { remote, state: await remote.state() };
      for (const reference of ["v2", "v4"]) {
        const facts = await releaseFacts(sample.path, reference, known);
        const unread = { ...inputs(reference), repository: "/nowhere/at/all" };
        const checked = await checkRelease(listeningContext(), {}, unread, facts);
        expect(checked).to.deep.equal(await check(reference));
      }
    });

    it("refuses nothing while the server can't be reached", async () => {
      server.failure = unreachable();
      const { additions, refusals } = await check("v2", { instanceId: "instance-a", place });
      expect(refusals).to.deep.equal([]);
      expect(additions).to.include({ commit: commits["v2"], instanceId: "instance-a" });
    });

    it("refuses a server that has no instance any more, even where its name isn't known", async () => {
      server.state = undefined;
      expect(reasons(await check("v1", { place })).join()).to.include("deployed an instance, but");
      expect(reasons(await check("v1"))).to.deep.equal([]);
    });
  });

  describe("check of a tag that was moved, on a machine that never saw it before", () => {
    const old = "9".repeat(40);
    const now = () => commits["v4"] ?? "";
    const record = (name: string, commit: string) =>
      servingRecord({ release: { name, commit, migrations: [] } });

    it("refuses what this stack deployed as another commit, also without a server", async () => {
      const olds = { release: "v4", commit: old, place };
      const context = listeningContext();
      const [reason, ...more] = reasons(await release.check(context, olds, inputs("v4")));
      expect(more).to.deep.equal([]);
      expect(reason)
        .to.include(`the tag was commit ${old} when it was deployed, and is commit ${now()} now`)
        .and.include(`pulumi config set release v4@${old}`)
        .and.include(`pulumi config set release v4@${now()}`);
      expect(context.told.join()).not.to.include("UPDATE");
      await server.nextRun();
      server.failure = unreachable();
      expect(reasons(await check("v4", olds)).join()).to.include("when it was deployed");
    });

    it("refuses what the server has, or had, as another commit", async () => {
      server.state = servingState({ serving: record(`v4@${old}`, old) });
      expect(reasons(await check("v4")).join()).to.include(`was commit ${old}`);
      await server.nextRun();
      const { serving: _, ...removed } = servingState({ lastServing: record("v4", old) });
      server.state = removed;
      expect(reasons(await check("v4")).join()).to.include(`was commit ${old}`);
      await server.nextRun();
      const reach = { releases: [{ name: "v4", commit: old }], backups: [], revertPoints: [] };
      server.state = servingState({ serving: record("v1", commits["v1"] ?? ""), reach });
      expect(reasons(await check("v4")).join()).to.include(`was commit ${old}`);
    });

    it("takes one that is written with its commit, or that was taken so before", async () => {
      const olds = { release: "v4", commit: old, place, instanceId: "instance-a" };
      expect(reasons(await check(`v4@${now()}`, olds))).to.deep.equal([]);
      expect(reasons(await check("v4", { ...olds, release: `v4@${now()}`, commit: now() })))
        .to //
        .deep.equal([]);
      await server.nextRun();
      server.state = servingState({ serving: record(`v4@${now()}`, now()), prepared: [now()] });
      expect(reasons(await check("v4", olds))).to.deep.equal([]);
    });
  });

  describe("diff", () => {
    it("sees another commit, and no other name of the same", () => {
      expect(release.diff({ commit: "a" }, { commit: "b" })).to.equal(true);
      expect(release.diff({ commit: "a", release: "v1" }, { commit: "a", release: "a" })).to.equal(
        false,
      );
    });

    it("refuses another instance than the last run made", () => {
      const olds = { commit: "a", instanceId: "instance-a" };
      expect(() => release.diff(olds, { commit: "a", instanceId: "instance-b" })).to.throw(
        "deployed instance instance-a, but the server holds instance instance-b",
      );
    });
  });

  describe("create", () => {
    it("sends nothing that is there already", async () => {
      const { additions } = await check("v1");
      const { id, outputs } = await release.create(listeningContext(), {
        ...inputs("v1"),
        ...additions,
      });
      expect(id).to.equal("chatalot");
      expect(outputs).to.include({ commit: commits["v1"], instanceId: "instance-a" });
      expect(server.requests).to.deep.equal([]);
    });

    it("sends nothing to a server with somebody's data", async () => {
      const { additions } = await check("v1");
      await server.nextRun();
      server.state = undefined;
      server.facts = `${readyFacts()}file=/srv/chatalot/.env\n`;
      const values = { ...inputs("v1"), ...additions };
      const refused: unknown = await release
        .create(listeningContext(), values)
        .catch((error: unknown) => error);
      expect(refused).to.be.an("error").with.property("message").that.includes("did not deploy");
      expect(server.requests).to.deep.equal([]);
    });
  });
});

describe("identityOf", () => {
  const values = { release: "v1", commit: "c", crateVersion: "0.17.0" };

  it("gives the migrations in the order of their numbers, whatever the order they came in", () => {
    const migrations = { "010_b.sql": "1", "9_a.sql": "2", "001_many words.sql": "3" };
    expect(identityOf({ ...values, migrations }).migrations).to.deep.equal([
      { file: "001_many words.sql", checksum: "3", version: 1, description: "many words" },
      { file: "9_a.sql", checksum: "2", version: 9, description: "a" },
      { file: "010_b.sql", checksum: "1", version: 10, description: "b" },
    ]);
  });

  it("describes a migration as sqlx does", () => {
    const migrations = { "002_first_messages.up.sql": "1" };
    expect(identityOf({ ...values, migrations }).migrations[0]).to.include({
      description: "first messages",
    });
  });

  it("leaves out the versions that the release doesn't tell", () => {
    expect(identityOf({ release: "v1", commit: "c", migrations: {} })).to.have.keys(
      "name",
      "commit",
      "migrations",
    );
  });
});
