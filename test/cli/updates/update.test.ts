import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { update, type UpdateOptions } from "../../../cli/updates.ts";
import { UserError } from "../../../common/errors.ts";
import { makeSampleRepository } from "../../../demo/repository/index.ts";
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import { openMirror } from "../../../release/mirror.ts";
import { describeRelease } from "../../../release/release.ts";
import type { ReleaseIdentity, ServerState } from "../../../updater/protocol.ts";
import { FakeServer } from "../../provider/support/fake-server.ts";
import { listeningContext, servingState, stateRunning } from "../../provider/support/samples.ts";
import { useOwnCache } from "../../support/own-cache.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

describe("chatalot update", function () {
  this.timeout(60_000);
  const cache = useOwnCache();
  const openTransport = RemoteServer.openTransport;
  const pulumi = new FakePulumi();
  let repository: string;
  let server: FakeServer;
  let older: ReleaseIdentity;
  let newest: ReleaseIdentity;
  let pin: string;

  before(async () => {
    const sample = await makeSampleRepository(cache("sample"), { withBadReleases: false });
    repository = sample.directory;
    const mirror = await openMirror(repository);
    [older, newest] = await Promise.all([
      describeRelease(mirror, "v1.3.0"),
      describeRelease(mirror, "v2.0.0"),
    ]);
    pin = `v2.0.0@${newest.commit}`;
  });
  beforeEach(async () => {
    await pulumi.arrive("config:\n  chatalot-deploy:release: v1.3.0\n");
    server = new FakeServer();
    await server.arrive();
    await configuredAs("v1.3.0");
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  const configuredAs = (release: string): Promise<void> =>
    pulumi.configuredAs({ release, repository, server: { host: "chat.example.org" } });
  const reverted = ({ commit }: ReleaseIdentity): Pick<ServerState, "reverted"> => ({
    reverted: [{ commit, sequence: 7, at: "2026-03-01T12:00:00Z", cause: "it ended" }],
  });
  const runs = async (): Promise<string[]> =>
    (await pulumi.calls()).filter((call) => /^(preview|up) ?/.test(call));
  async function updated(wanted?: string, options: UpdateOptions = {}) {
    const context = listeningContext();
    const result = await update(undefined, wanted, { yes: true, ...options }, context).catch(
      (error: unknown) => error,
    );
    return { result, told: context.told };
  }
  const refusal = ({ result }: { result: unknown }): string => {
    expect(result).to.be.instanceOf(UserError);
    return (result as UserError).message;
  };

  it("has nothing to do where the newest version serves", async () => {
    server.state = stateRunning(newest);
    const { result, told } = await updated();
    expect(result).to.equal("nothing-to-do");
    expect(told).to.deep.equal([
      `v2.0.0 (${newest.commit.slice(0, 7)}) serves, and the repository has no newer release.`,
    ]);
  });

  it("is refused where nothing serves", async () => {
    const { serving: _, ...state } = servingState();
    server.state = state;
    for (const retry of [false, true])
      expect(refusal(await updated(undefined, { retry }))).to.equal(
        "There is nothing to update: nothing serves. Deploy first: pulumi up",
      );
    expect(await runs()).to.deep.equal([]);
  });

  it("names the newest version where that was taken back, and how it is tried once more", async () => {
    server.state = stateRunning(older, reverted(newest));
    const { result, told } = await updated();
    expect(result).to.equal("nothing-to-do");
    expect(told.join())
      .to.contain("v2.0.0 is newer, and was tried and taken back (job 7)")
      .and.to.contain("npx chatalot update --retry");
    expect(await runs()).to.deep.equal([]);
  });

  it("tries the version that was taken back once more, without its name", async () => {
    server.state = stateRunning(older, reverted(newest));
    expect((await updated(undefined, { retry: true })).result).to.equal("done");
    expect(await readFile(pulumi.stackFile, "utf8")).to.equal(
      `config:\n  chatalot-deploy:release: ${pin}\n  chatalot-deploy:retry: 7\n`,
    );
  });

  it("is refused where nothing was taken back that could be tried once more", async () => {
    server.state = stateRunning(older);
    expect(refusal(await updated(undefined, { retry: true }))).to.contain(
      'No newer version was tried and taken back here. Leave "--retry" away',
    );
    expect(await runs()).to.deep.equal([]);
  });

  it("has nothing to do where the named release serves and is pinned", async () => {
    await configuredAs(pin);
    server.state = stateRunning(newest);
    const { result, told } = await updated("v2.0.0");
    expect(result).to.equal("nothing-to-do");
    expect(told.join()).to.match(
      /^v2\.0\.0 \(.{7}\) serves already, and the stack file names it\.$/,
    );
    expect(await runs()).to.deep.equal([]);
  });

  const wanting: [string, () => Partial<ServerState>, UpdateOptions][] = [
    ["is not as it was deployed", () => ({ drift: ["the server is stopped"] }), {}],
    ["needs the operator", () => ({ needsOperator: "job 7 failed" }), {}],
    [
      "was taken back with other settings, to be tried once more",
      () => reverted(newest),
      { retry: true },
    ],
  ];
  for (const [what, changes, options] of wanting)
    it(`is brought all the same where it serves, is pinned, and ${what}`, async () => {
      await configuredAs(pin);
      server.state = stateRunning(newest, changes());
      expect((await updated("v2.0.0", options)).result).to.equal("done");
      expect(await runs()).to.have.length(2);
    });

  it("pins the release that serves where the stack file doesn't", async () => {
    await configuredAs("v2.0.0");
    server.state = stateRunning(newest);
    expect((await updated("v2.0.0")).result).to.equal("done");
    expect(await readFile(pulumi.stackFile, "utf8")).to.contain(`release: ${pin}\n`);
  });
});
