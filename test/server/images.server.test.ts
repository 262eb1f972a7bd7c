import { expect } from "chai";
import { execa } from "execa";
import type { DemoServer } from "../../demo/server/index.ts";
import { chatUrl, cleanServer, operatorOf, sampleRepository } from "./support/fixture.ts";
import { useLocalBuilds } from "./support/local-builds.ts";
import {
  COMMIT_LABEL,
  healthOf,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import {
  buildCacheEntries,
  PASSWORD,
  publish,
  REGISTRY,
  startRegistry,
  stopRegistry,
} from "./support/published.ts";
import { takeBack } from "./support/take-back.ts";

async function commitOf(release: string): Promise<string> {
  const { directory } = await sampleRepository();
  const argv = ["-C", directory, "rev-parse", `${release}^{commit}`];
  return (await execa("git", argv, { timeout: 30_000 })).stdout;
}

describe("where images come from", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    await stopRegistry(demo);
    await publish(demo, "1.0.0", "v1.0.0", await commitOf("v1.0.0"));
    // What a tag that was moved, or somebody else's build, looks like.
    await publish(demo, "1.0.1", "v1.0.1", await commitOf("v1.0.0"));
    await startRegistry(demo);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0", image: `${REGISTRY}/us/chatalot` });
  });
  after(() =>
    takeBack(
      () => demo && stopRegistry(demo),
      () => operator?.leave(),
    ),
  );

  it("names the command that a private registry needs, and deploys nothing", async () => {
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("UNTOUCHED");
    expect(output).to.contain(`run this on the server as root: docker login ${REGISTRY}`);
    expect(await buildCacheEntries(demo)).to.equal(0);
  });

  it("pulls the image of the commit with root's own login, and builds nothing", async () => {
    await demo.exec(["docker", "login", "--username", "reader", "--password-stdin", REGISTRY], {
      timeout: 60_000,
      input: PASSWORD,
    });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok" });
    const commit = await commitOf("v1.0.0");
    const label = `{{index .Config.Labels "${COMMIT_LABEL}"}}`;
    const image = `chatalot-deploy/chatalot:${commit}`;
    expect(await shell(demo, 'docker inspect --format "$1" "$2"', label, image)).to.equal(commit);
    expect(await buildCacheEntries(demo)).to.equal(0);
    expect(await shell(demo, `docker images --quiet ${REGISTRY}/us/chatalot`)).to.equal("");
  });

  it("refuses an image whose label names another commit, with nothing touched", async () => {
    const before = await theContainer(demo, SERVER);
    await operator.configure({ release: "v1.0.1" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("UNTOUCHED");
    expect(output).to.contain(`was built from commit ${await commitOf("v1.0.0")}, not`);
    expect(await theContainer(demo, SERVER)).to.deep.equal(before);
  });

  it("is untouched when the registry is away", async () => {
    const before = await theContainer(demo, SERVER);
    await stopRegistry(demo);
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output)
      .to.contain("UNTOUCHED v1.0.1")
      .and.to.match(/connection refused/i);
    expect(await theContainer(demo, SERVER)).to.deep.equal(before);
  });

  it("ends a build that needs more memory than its limit, with nothing touched", async () => {
    const before = await theContainer(demo, SERVER);
    await operator.configure({ image: "build", "build.memory": "8 MB" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("UNTOUCHED");
    expect(output).to.match(
      /the build (?:was ended for want of|failed after it had met its) memory/,
    );
    expect(output).to.contain("pulumi config set buildOn here");
    expect(await theContainer(demo, SERVER)).to.deep.equal(before);
  });

  it("keeps no more build cache than it should", async () => {
    await operator.must("config", "rm", "--path", "build.memory");
    await operator.configure({ "build.cache": "0 MB" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
    // What an image needs anyway takes no room of its own and stays ("Shared").
    const own = "docker buildx du | sed -n 's/^Private:[[:space:]]*//p'";
    expect(await shell(demo, own)).to.match(/^(?:0B)?$/);
  });

  describe("built on the operator's machine", () => {
    useLocalBuilds(() => demo);

    it("is sent, and the server builds nothing", async () => {
      const cache = await buildCacheEntries(demo);
      await operator.configure({ release: "v1.1.0", buildOn: "here", "build.cache": "all" });
      // Docker itself remembers few of its events; a slow update has many.
      await shell(
        demo,
        `docker events --filter type=image --filter event=load --format '{{.Action}}' > /tmp/loads 2>&1 &
         echo $! > /tmp/loads.process`,
      );
      const { exitCode, output } = await operator.up("--skip-preview");
      expect(exitCode, output).to.equal(0);
      expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
      expect(await buildCacheEntries(demo)).to.equal(cache);
      const loads = await shell(demo, 'kill "$(cat /tmp/loads.process)"; cat /tmp/loads');
      expect(loads).to.contain("load");
    });
  });
});
