import { rename } from "node:fs/promises";
import { expect } from "chai";
import { type ReleaseFacts, releaseFacts } from "../../provider/release-facts.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { forgetUpdates } from "../../release/mirror.ts";
import type { WayBack } from "../../updater/history-protocol.ts";
import { SAMPLE_FILES, SampleRepository } from "../release/sample-repository.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { FakeServer } from "./support/fake-server.ts";
import { COMMIT, NEWER, place, servingState } from "./support/samples.ts";

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

  const facts = (reference: string, repository = cache("nowhere")): Promise<ReleaseFacts> =>
    releaseFacts(repository, reference, {
      remote: RemoteServer.at(place),
      state: server.state ?? servingState(),
    });
  const failure = (reference: string): Promise<string> =>
    facts(reference).then(
      () => "none",
      (error: unknown) => (error as Error).message,
    );

  it("asks no repository for a pinned release that the server has", async () => {
    const { identity, warnings, refusals } = await facts(`v0.9.0@${NEWER}`);
    expect(identity).to.deep.equal({
      ...{ name: `v0.9.0@${NEWER}`, commit: NEWER },
      ...{ crateVersion: "0.17.0", migrations: [] },
    });
    expect([...warnings, ...refusals]).to.deep.equal([]);
    expect((await facts(NEWER)).identity.name).to.equal(NEWER);
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

  it("refuses what the server found in the way of the database", async () => {
    server.history = {
      ...{ protocol: 1, jobs: [] },
      waysBack: [way("v0.9.0", NEWER, { obstacle: "it changes the major version from 17 to 16" })],
    };
    const { refusals } = await facts(NEWER);
    expect(refusals.join()).to.contain("major version from 17 to 16");
  });
});
