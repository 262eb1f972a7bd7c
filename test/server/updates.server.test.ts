import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { chatUrl, cleanServer, operatorOf, sampleRepository } from "./support/fixture.ts";
import { runningSince, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

describe("chatalot updates and update", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let tags: Record<string, string>;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    ({ tags } = await sampleRepository());
    await operator.configure({ release: "v1.3.0", url: chatUrl(demo) });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
  });
  after(() => operator?.leave());

  const stackFile = (): Promise<string> =>
    readFile(join(operator.folder, "Pulumi.test.yaml"), "utf8");

  it("list what is newer, for people, for programs and for cron", async () => {
    const listed = await operator.chatalot("updates");
    expect(listed.exitCode, listed.output).to.equal(0);
    expect(listed.output)
      .to.match(/v2\.0\.0 .* 1 commit, 1 migration, 1 BREAKING change/)
      .and.to.contain("An audit log.");
    const { exitCode, output } = await operator.chatalot("updates", "--json");
    expect(exitCode, output).to.equal(0);
    expect((JSON.parse(output) as { pin: string }).pin).to.equal(`v2.0.0@${tags["v2.0.0"]}`);
    const checked = await operator.chatalot("updates", "--check");
    expect(checked.exitCode).to.equal(0);
    expect(checked.output.trim()).to.equal(`v2.0.0@${tags["v2.0.0"]}`);
  });

  it("are shown to others as a page, which changes nothing", async () => {
    const before = await runningSince(demo);
    const file = join(operator.folder, "evening.html");
    const { exitCode, output } = await operator.chatalot("report", "v2.0.0", "--output", file);
    expect(exitCode, output).to.equal(0);
    const page = await readFile(file, "utf8");
    expect(page).to.contain("Update to v2.0.0").and.to.contain("As things are, this is refused.");
    expect(page).to.match(/<th scope="row">009 [^<]+<\/th>/);
    expect(page).to.contain("PUBLIC_URL");
    expect(await runningSince(demo)).to.deep.equal(before);
    // What serves already is nothing to show.
    expect((await operator.chatalot("report", "--output", file)).exitCode).to.equal(3);
    expect(await readFile(file, "utf8")).to.equal(page);
  });

  it("change nothing where the preview refuses", async () => {
    const before = [await stackFile(), await runningSince(demo)];
    const { exitCode, output } = await operator.chatalot("update", "--yes");
    expect(exitCode, output).to.equal(1);
    expect(output)
      .to.contain("a breaking change that was not read")
      .and.to.contain("Nothing was changed");
    expect([await stackFile(), await runningSince(demo)]).to.deep.equal(before);
  });

  it("leave the stack file as it was where the release is taken back, and try it again if told so", async () => {
    const before = await stackFile();
    const release = "v1.0.2-crashes-after-listening";
    // Another line of history, on an older database: refused, and told why.
    const refused = await operator.chatalot("update", release, "--yes");
    expect(refused.exitCode, refused.output).to.equal(1);
    expect(refused.output).to.contain("can't start on this database");
    expect(await stackFile()).to.equal(before);
    const retried = await operator.chatalot("update", "v2.0.0", "--yes", "--retry");
    expect(retried.exitCode, retried.output).to.equal(1);
    expect(retried.output).to.contain("was not tried and taken back here");
  });

  for (const { tag, named } of [
    { tag: "v1.3.1-new-database-major", named: /major version from 17 to 18/ },
    { tag: "v1.3.1-new-database-path", named: /var\/lib\/postgresql/ },
  ])
    it(`bring no other database, but refuse it in the preview with its name: ${tag}`, async () => {
      const before = await runningSince(demo);
      await operator.configure({ release: tag });
      const { exitCode, output } = await operator.preview();
      expect(exitCode, output).not.to.equal(0);
      expect(output).to.match(named);
      expect(await runningSince(demo)).to.deep.equal(before);
      await operator.configure({ release: "v1.3.0" });
    });

  it("bring the newest version, pinned, and then have nothing to do", async () => {
    await operator.configure({ breakingChangesReadUpTo: "v2.0.0" });
    const { exitCode, output } = await operator.chatalot("update", "--yes");
    expect(exitCode, output).to.equal(0);
    expect(output)
      .to.match(/UPDATE +v1\.3\.0/)
      .and.to.contain("DONE v2.0.0");
    expect(await webVersion(chatUrl(demo))).to.equal("2.0.0");
    expect(await stackFile()).to.contain(`chatalot-deploy:release: v2.0.0@${tags["v2.0.0"]}`);
    for (const command of [
      ["update", "--yes"],
      ["updates", "--check"],
    ])
      expect((await operator.chatalot(...command)).exitCode, command.join(" ")).to.equal(3);
  });
});
