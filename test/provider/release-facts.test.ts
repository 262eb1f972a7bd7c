import { rename } from "node:fs/promises";
import { expect } from "chai";
import { type ReleaseFacts, releaseFacts } from "../../provider/release-facts.ts";
import { renderUnread } from "../../provider/plan/unread.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { forgetUpdates } from "../../release/mirror.ts";
import type { DatabaseRollback } from "../../settings/parse.ts";
import type { WayBack } from "../../updater/history-protocol.ts";
import { SAMPLE_FILES, SampleRepository } from "../release/sample-repository.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { FakeServer } from "./support/fake-server.ts";
import { COMMIT, NEWER, place, servingRecord, servingState } from "./support/samples.ts";

describe("releaseFacts", () => {
  const original = RemoteServer.openTransport;
  const cache = useOwnCache();
  let sample: SampleRepository;
  let server: FakeServer;

  before(async () => {
    sample = await SampleRepository.create();
    await sample.commit(SAMPLE_FILES);
    await sample.git("tag", "v9");
  });

  after(async () => {
    await sample.remove();
  });

  beforeEach(async () => {
    forgetUpdates();
    server = new FakeServer();
    server.state = servingState();
    server.history = { protocol: 1, jobs: [], waysBack: [way("v0.9.0", NEWER)] };
    await server.arrive();
  });
  afterEach(() => server.leave(original));

  const way = (name: string, commit: string, changes: Partial<WayBack> = {}): WayBack => ({
    release: { name, commit },
    prepared: { name, commit, crateVersion: "0.17.0", migrations: [] },
    missing: [],
    pending: [],
    databases: [],
    ...changes,
  });

  const facts = (
    reference: string,
    repository = cache("nowhere"),
    rollback?: DatabaseRollback,
  ): Promise<ReleaseFacts> => {
    const known = { remote: RemoteServer.at(place), state: server.state ?? servingState() };
    return releaseFacts(repository, reference, known, { rollback });
  };
  const failure = (reference: string): Promise<string> =>
    facts(reference).then(
      () => "none",
      (error: unknown) => (error as Error).message,
    );

  it("needs no repository for a pinned release that the server has", async () => {
    const { identity, warnings, refusals } = await facts(`v0.9.0@${NEWER}`);
    expect(identity).to.deep.equal({
      ...{ name: `v0.9.0@${NEWER}`, commit: NEWER },
      ...{ crateVersion: "0.17.0", migrations: [] },
    });
    expect([...warnings, ...refusals]).to.deep.equal([]);
    expect((await facts(NEWER)).identity.name).to.equal(NEWER);
  });

  it("tells what the server knows of a release whose repository can't be read, and why no more", async () => {
    const known = { missing: ["050 thumbnails"], pending: [] };
    server.history = { protocol: 1, jobs: [], waysBack: [way("v0.9.0", NEWER, known)] };
    for (const reference of [`v0.9.0@${NEWER}`, "v0.9.0"]) {
      const { plan, unread } = await facts(reference);
      expect(plan).to.equal(undefined);
      const text = unread === undefined ? "" : renderUnread(unread);
      for (const line of text.split("\n")) expect(line).to.have.length.at.most(80);
      expect(text)
        .to.match(/^GO BACK {2}v1\.0\.0 \(1111111\) -> v0\.9\.0 \(2222222\)$/m)
        .and.match(/the\s+repository\s+could\s+not\s+be\s+read:\s+fatal:/)
        .and.match(/^Database the release does not know 050 thumbnails\n +no migration to come$/m)
        .and.match(/^Steps +the image is there, backup/m)
        .and.match(/^Failure +v1\.0\.0 \(1111111\) comes back by itself/m);
    }
  });

  it("tells which database the release gets, also where its repository can't be read", async () => {
    const migrations = [{ version: 1, description: "users", file: "001_users.sql", checksum: "a" }];
    const back = way("v0.9.0", NEWER, {
      ...{ missing: ["050 thumbnails"], pending: [] },
      prepared: { name: "v0.9.0", commit: NEWER, migrations },
      databases: [{ way: "backup", name: "a-backup", sequence: 2, at: "2026-03-01", pending: [1] }],
    });
    server.history = { protocol: 1, jobs: [], waysBack: [back] };
    const { unread } = await facts(NEWER, cache("nowhere"), { way: "backup", job: 3 });
    const text = (unread === undefined ? "" : renderUnread(unread)).replace(/\s+/g, " ");
    expect(text)
      .to.match(/^GO BACK /)
      .and.contain(
        "replaced by the backup a-backup, of 2026-03-01: 1 migration to come: 001 users;",
      )
      .and.contain("the database of now is live again")
      .and.not.contain("is not touched");
  });

  describe("of a pinned release that the server has, on a machine that is new", () => {
    let repository: SampleRepository;
    let older: string;
    let newer: string;

    beforeEach(async () => {
      repository = await SampleRepository.create();
      older = await repository.commit(SAMPLE_FILES);
      newer = await repository.commit({ "migrations/003_pins.sql": "SELECT 1;" });
      await repository.git("tag", "v2");
      const release = { name: "v1", commit: older, migrations: [] };
      const serving = servingRecord({ release });
      server.state = servingState({ serving, prepared: [older, newer] });
      server.history = { protocol: 1, jobs: [], waysBack: [way("v1", older), way("v2", newer)] };
    });
    afterEach(() => repository.remove());

    it("plans as the repository tells it", async () => {
      const { identity, plan, unread } = await facts(`v2@${newer}`, repository.path);
      expect(identity.migrations).to.have.length(3);
      expect(plan).to.deep.include({ ahead: 1, behind: 0 });
      expect(plan?.to).to.include({ name: `v2@${newer}`, commit: newer });
      expect(unread).to.equal(undefined);
    });

    it("plans it, too, where its tag was moved since, and says so", async () => {
      await repository.commit({ "a.txt": "a" });
      await repository.git("tag", "--force", "v2");
      const { identity, plan, warnings } = await facts(`v2@${newer}`, repository.path);
      expect(identity.name).to.equal(`v2@${newer}`);
      expect(plan?.to.commit).to.equal(newer);
      expect(warnings.join()).to.contain("is not that commit any more");
    });

    it("goes by the server where the repository has lost the commit", async () => {
      await repository.git("tag", "--delete", "v2");
      await repository.git("reset", "--quiet", "--hard", older);
      const { identity, plan, unread } = await facts(`v2@${newer}`, repository.path);
      expect(identity.commit).to.equal(newer);
      expect(plan).to.equal(undefined);
      expect(unread?.cause).to.equal("the repository does not have it as it is on the server");
    });

    it("does not read the repository for what serves already", async () => {
      await rename(repository.path, `${repository.path}.away`);
      const { plan, unread, warnings } = await facts(`v1@${older}`, repository.path);
      expect([plan, unread]).to.deep.equal([undefined, undefined]);
      expect(warnings).to.deep.equal([]);
    });
  });

  it("takes a tag that the server has where the repository can't be read, and says so", async () => {
    const { identity, warnings } = await facts("v0.9.0");
    expect(identity.commit).to.equal(NEWER);
    expect(warnings.join()).to.contain("can't be read").and.to.contain(`as commit ${NEWER}`);
  });

  it("believes the repository rather than the server where it can be read", async () => {
    await rename(sample.path, `${sample.path}.away`);
    expect(await failure("v9")).to.contain("can't be read");
    await rename(`${sample.path}.away`, sample.path);
    forgetUpdates();
    server.history = { protocol: 1, jobs: [], waysBack: [way("v9", NEWER)] };
    const { identity } = await facts("v9", sample.path);
    expect(identity.commit).not.to.equal(NEWER);
  });

  const { prepared: _, ...removed } = way("v0.9.0", NEWER);
  const unknown: [string, string, WayBack[]][] = [
    ["a pinned commit under another tag", `v1.0.0@${NEWER}`, [way("v0.9.0", NEWER)]],
    ["a release that was removed", "v0.9.0", [removed]],
    ["a tag of two commits", "v0.9.0", [way("v0.9.0", NEWER), way("v0.9.0", COMMIT)]],
    ["another tag", "v0.8.0", [way("v0.9.0", NEWER)]],
  ];
  for (const [what, reference, waysBack] of unknown)
    it(`does not take ${what} from the server`, async () => {
      server.history = { protocol: 1, jobs: [], waysBack };
      expect(await failure(reference)).to.contain("can't be read");
    });

  it("refuses another PostgreSQL also where the repository does not have what serves", async () => {
    server.history = { protocol: 1, jobs: [], waysBack: [] };
    const state = servingState({ prepared: [COMMIT] });
    if (state.database === undefined) throw new Error("the sample has a database");
    state.database.postgresMajor = 18;
    server.state = state;
    const { refusals, plan } = await facts("v9", sample.path);
    expect(refusals.join()).to.contain("changes its major version from 18 to 17");
    expect(plan).to.include({ notCompared: "unknown" });
    state.database.postgresMajor = 17;
    expect((await facts("v9", sample.path)).refusals).to.deep.equal([]);
  });

  it("refuses what the server found in the way of the database", async () => {
    server.history = {
      ...{ protocol: 1, jobs: [] },
      waysBack: [way("v0.9.0", NEWER, { obstacle: "it changes the major version from 17 to 16" })],
    };
    const { refusals } = await facts(NEWER);
    expect(refusals.join()).to.contain("major version from 17 to 16");
  });
});
