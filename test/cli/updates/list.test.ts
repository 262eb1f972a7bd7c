import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  type AvailableUpdate,
  availableUpdates,
  describeUpdates,
  newestTakenBack,
  proposed,
  whyNone,
} from "../../../cli/updates/list.ts";
import {
  git,
  makeSampleRepository,
  type SampleRepository,
} from "../../../demo/repository/index.ts";
import { forgetUpdates, type Mirror, openMirror } from "../../../release/mirror.ts";
import { describeRelease } from "../../../release/release.ts";
import type { ServerState } from "../../../updater/protocol.ts";
import { stateRunning } from "../../provider/support/samples.ts";

describe("availableUpdates", function () {
  this.timeout(60_000);
  let folder: string;
  let sample: SampleRepository;
  let mirror: Mirror;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-updates-"));
    sample = await makeSampleRepository(join(folder, "sample"), { withBadReleases: false });
    mirror = await openMirror(sample.directory, { cacheDirectory: folder });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function updatesFrom(
    tag: string,
    reverted: ServerState["reverted"] = [],
  ): Promise<AvailableUpdate[]> {
    return availableUpdates(mirror, stateRunning(await describeRelease(mirror, tag), { reverted }));
  }

  it("lists what is newer, the newest first, with commits, migrations and changes", async () => {
    const updates = await updatesFrom("v1.1.0");
    expect(updates.map(({ tag }) => tag)).to.deep.equal(["v2.0.0", "v1.3.0", "v1.2.0"]);
    expect(updates.map(({ commits }) => commits)).to.deep.equal([3, 2, 1]);
    expect(updates.map(({ migrations }) => migrations.length)).to.deep.equal([5, 4, 4]);
    expect(updates[2]?.migrations[0]).to.equal("005 channels");
    expect(updates[2]?.changes).to.deep.equal(["Channels and reactions.", "Messages have a kind."]);
    expect(updates.map(({ breaking }) => breaking.length)).to.deep.equal([1, 0, 0]);
  });

  it("has nothing for the newest version", async () => {
    expect(await updatesFrom("v2.0.0")).to.deep.equal([]);
    expect(describeUpdates([], "v2.0.0 (1234567)", 0)).to.match(/no newer release/);
  });

  it("leaves out a tag that the server had as another commit", async () => {
    const releases = [{ name: "v2.0.0", commit: "9".repeat(40) }];
    const reach = { releases, backups: [], revertPoints: [] };
    const state = stateRunning(await describeRelease(mirror, "v1.1.0"), { reach });
    const updates = await availableUpdates(mirror, state);
    expect(updates.map(({ tag }) => tag)).to.deep.equal(["v1.3.0", "v1.2.0"]);
  });

  it("proposes the newest version that was not taken back", async () => {
    const commit = sample.tags["v2.0.0"] ?? "";
    const at = "2026-03-01T12:00:00Z";
    const updates = await updatesFrom("v1.1.0", [{ commit, sequence: 7, at, cause: "ended" }]);
    expect(proposed(updates)?.tag).to.equal("v1.3.0");
    expect(proposed(await updatesFrom("v1.1.0"))?.tag).to.equal("v2.0.0");
    const text = describeUpdates(updates, "v1.1.0 (1234567)", Date.parse("2026-03-11"));
    expect(text)
      .to.match(/v2\.0\.0 .* tried and taken back \(job 7\)/)
      .and.to.match(/1 BREAKING change/)
      .and.to.match(/npx chatalot update v1\.3\.0$/);
  });

  describe("with what serves on another line of history", () => {
    let other: string;
    let updates: AvailableUpdate[];

    before(async () => {
      const repository = sample.directory;
      const parent = sample.tags["v1.2.0"] ?? "";
      const message = ["-c", "user.name=S", "-c", "user.email=s@example.org", "commit-tree"];
      const made = await git(repository, [
        ...message,
        "-p",
        parent,
        "-m",
        "fix",
        `${parent}^{tree}`,
      ]);
      other = made.trim();
      await git(repository, ["branch", "hotfix", other]);
      forgetUpdates();
      const running = { ...(await describeRelease(mirror, other)), name: "v1.2.1" };
      updates = await availableUpdates(mirror, stateRunning(running));
    });

    it("lists newer versions with what they lack, and no older ones", () => {
      expect(updates.map(({ tag, lacks }) => [tag, lacks])).to.deep.equal([
        ["v2.0.0", 1],
        ["v1.3.0", 1],
      ]);
      expect(describeUpdates(updates, "v1.2.1 (1234567)", 0)).to.match(
        /v2\.0\.0 .*, lacks 1 commit of what runs\n/,
      );
    });

    it("proposes none of them, and names the newest", () => {
      expect(proposed(updates)).to.equal(undefined);
      expect(whyNone(updates, "v1.2.1 (1234567)")).to.equal(
        "v1.2.1 (1234567) serves. v2.0.0 is newer, but lacks 1 commit of what runs. Look at it: npx chatalot " +
          "update v2.0.0",
      );
    });
  });

  describe("where the repository does not have what serves", () => {
    const lost = { commit: "9".repeat(40), migrations: [] };

    it("lists versions above it without counts, and proposes none", async () => {
      const updates = await availableUpdates(mirror, stateRunning({ ...lost, name: "v1.2.1" }));
      expect(updates.map(({ tag }) => tag)).to.deep.equal(["v2.0.0", "v1.3.0"]);
      for (const update of updates) expect(update).not.to.have.any.keys("commits", "lacks");
      expect(proposed(updates)).to.equal(undefined);
      expect(describeUpdates(updates, "v1.2.1 (9999999)", 0))
        .to.match(/v2\.0\.0 .*commits not known/)
        .and.to.match(/does not have what runs.*npx chatalot update v2\.0\.0$/);
    });

    it("names the setting where what serves has no version", async () => {
      const state = stateRunning({ ...lost, name: lost.commit });
      const error: unknown = await availableUpdates(mirror, state).catch(
        (caught: unknown) => caught,
      );
      expect((error as Error).message)
        .to.contain("9999999 serves")
        .and.to.contain('Set "repository"')
        .and.to.contain("npx chatalot update <release>");
    });
  });

  describe("where none is proposed", () => {
    const at = "2026-03-01T12:00:00Z";
    const taken = (tag: string, sequence: number): ServerState["reverted"][number] => ({
      ...{ commit: sample.tags[tag] ?? "", sequence, at, cause: "ended" },
    });

    it("names the newest that was taken back, and how it is tried once more", async () => {
      const updates = await updatesFrom("v1.3.0", [taken("v2.0.0", 7)]);
      expect(proposed(updates)).to.equal(undefined);
      const advice =
        "v2.0.0 is newer, and was tried and taken back (job 7). Try it once more: npx chatalot update --retry";
      expect(whyNone(updates, "v1.3.0 (1234567)")).to.equal(`v1.3.0 (1234567) serves. ${advice}`);
      const lines = describeUpdates(updates, "v1.3.0 (1234567)", 0).split("\n");
      expect(lines.at(-1)).to.equal(advice);
    });

    it("tries the newest of them once more, and a preview only where there is no other", async () => {
      const updates = await updatesFrom("v1.1.0", [taken("v1.3.0", 8), taken("v2.0.0", 7)]);
      expect(newestTakenBack(updates)?.tag).to.equal("v2.0.0");
      const [first, ...others] = updates.map((update) => ({ ...update, isPreview: false }));
      if (first === undefined) throw new Error("there is no update");
      expect(newestTakenBack([{ ...first, isPreview: true }, ...others])?.tag).to.equal("v1.3.0");
      expect(newestTakenBack([{ ...first, isPreview: true }])?.tag).to.equal("v2.0.0");
      expect(newestTakenBack(await updatesFrom("v1.1.0"))).to.equal(undefined);
    });

    it("says that previews are all there is", async () => {
      const updates = (await updatesFrom("v1.3.0")).map((update) => ({
        ...update,
        isPreview: true,
      }));
      expect(whyNone(updates, "v1.3.0 (1234567)")).to.match(/is a finished version/);
    });

    it("says that nothing serves, and never that it is the newest", () => {
      for (const text of [whyNone([], undefined), describeUpdates([], undefined, 0)])
        expect(text).to.equal(
          "There is nothing to update: nothing serves. Deploy first: pulumi up",
        );
    });
  });
});
