import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import type { DemoServer } from "../../demo/server/index.ts";
import type { SideImageFacts } from "../../updater/side-images-protocol.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { chatUrl, cleanServer, operatorOf, sampleRepository } from "./support/fixture.ts";
import {
  DATABASE,
  eventsOf,
  healthOf,
  ledgerOf,
  runningSince,
  SERVER,
  shell,
  theContainer,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import {
  buildSideImage,
  PASSWORD,
  publishSideImage,
  REGISTRY,
  startRegistry,
  stopRegistry,
} from "./support/published.ts";
import { takeBack } from "./support/take-back.ts";

const RELEASE = "v1.3.9-other-registry";
const IMAGE = `${REGISTRY}/us/postgres:17`;

/** An entry point that begins well on an empty folder, and never on one with data. */
const REFUSES_DATA = [
  `RUN printf '#!/bin/bash\\nif [ -s "$PGDATA/PG_VERSION" ] && [ "$(id -u)" = 0 ]; then echo "FATAL: it is broken" >&2; exit 1; fi\\nexec docker-entrypoint.sh "$@"\\n' > /usr/local/bin/broken.sh && chmod 755 /usr/local/bin/broken.sh`,
  'ENTRYPOINT ["/usr/local/bin/broken.sh"]',
  'CMD ["postgres"]',
];

/** A copy of the sample's repository with a release whose database comes from the tests' registry. */
async function repositoryWith(image: string): Promise<string> {
  const { directory } = await sampleRepository();
  const copy = await mkdtemp(join(tmpdir(), "chatalot-deploy-side-images-"));
  const git = (...argv: string[]) =>
    execa("git", ["-C", copy, "-c", "user.name=us", "-c", "user.email=us@example.org", ...argv], {
      timeout: 60_000,
    });
  await execa("git", ["clone", "--quiet", "--", directory, copy], { timeout: 120_000 });
  await git("checkout", "--quiet", "--detach", "v1.3.0");
  const file = join(copy, "docker-compose.yml");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace("image: postgres:17", `image: ${image}`));
  await git("commit", "--quiet", "--all", "--message", "The database of another registry");
  await git("tag", RELEASE);
  return copy;
}

describe("images beside the server's own", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let repository: string;
  let first: string;
  let second: string;

  before(async () => {
    demo = await cleanServer();
    await stopRegistry(demo);
    first = await publishSideImage(demo, "postgres:17", ["LABEL version=first"]);
    await startRegistry(demo);
    await demo.exec(["docker", "login", "--username", "reader", "--password-stdin", REGISTRY], {
      timeout: 60_000,
      input: PASSWORD,
    });
    repository = await repositoryWith(IMAGE);
    operator = await operatorOf(demo);
    await operator.configure({ repository, release: RELEASE });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    expect(await writeMarker(chatUrl(demo), "written on the first image")).to.equal(true);
  });
  after(() =>
    takeBack(
      () => demo && stopRegistry(demo),
      () => operator?.leave(),
      () => repository && rm(repository, { recursive: true, force: true }),
    ),
  );

  const stackFile = (): Promise<string> =>
    readFile(join(operator.folder, "Pulumi.test.yaml"), "utf8");

  async function listed(): Promise<SideImageFacts> {
    const { exitCode, output } = await operator.chatalot("updates", "--json");
    expect(exitCode, output).to.equal(0);
    const { sideImages } = JSON.parse(output) as { sideImages: SideImageFacts[] };
    const [image, ...others] = sideImages;
    expect(others).to.deep.equal([]);
    if (image === undefined) throw new Error("no image was listed");
    return image;
  }

  /** The digest that the database's container really runs from. */
  async function runs(): Promise<string> {
    const { image } = await theContainer(demo, DATABASE);
    const names = await shell(
      demo,
      'docker image inspect --format "{{join .RepoDigests \\" \\"}}" "$1"',
      image,
    );
    return names.slice(names.indexOf("@") + 1);
  }

  it("are the ones of the tags at first, and nothing newer is listed", async () => {
    expect(await runs()).to.equal(first);
    expect(await listed()).to.deep.equal({
      ...{ service: "postgres", image: IMAGE, runs: first, postgresMajor: "17" },
      ...{ newest: { digest: first }, isNewer: false, isSettable: true },
    });
    expect((await operator.chatalot("updates", "--check", "--side-images")).exitCode).to.equal(3);
  });

  it("are listed when a tag has moved, which alone is no newer release", async () => {
    second = await publishSideImage(demo, "postgres:17", ["LABEL version=second"]);
    expect(second).not.to.equal(first);
    const image = await listed();
    expect(image).to.include({ runs: first, isNewer: true });
    expect(image.newest).to.include({ digest: second, postgresMajor: "17" });
    const { output } = await operator.chatalot("updates");
    expect(output)
      .to.contain(first.slice(7, 19))
      .and.to.contain(second.slice(7, 19))
      .and.to.contain("npx chatalot update --side-images");
    expect((await operator.chatalot("updates", "--check")).exitCode).to.equal(3);
    const checked = await operator.chatalot("updates", "--check", "--side-images");
    expect(checked.exitCode, checked.output).to.equal(0);
  });

  it("stay as they are while nobody asks, also in an up that restarts the server", async () => {
    const before = await theContainer(demo, DATABASE);
    await operator.configure({ "env.MAX_FILE_SIZE_MB": 99 });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect((await theContainer(demo, SERVER)).environment).to.include({ MAX_FILE_SIZE_MB: "99" });
    expect(await theContainer(demo, DATABASE)).to.deep.equal(before);
  });

  it("get their tag back where it was moved on the server to one that doesn't run with the data", async () => {
    const { image } = await theContainer(demo, DATABASE);
    await buildSideImage(demo, "postgres:17", REFUSES_DATA, IMAGE);
    await operator.configure({ "env.MAX_FILE_SIZE_MB": 98 });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain(`REVERTED ${RELEASE}`).and.to.contain("it is broken");
    expect((await theContainer(demo, DATABASE)).image).to.equal(image);
    expect(await shell(demo, 'docker image inspect --format "{{.Id}}" "$1"', IMAGE)).to.equal(
      image,
    );
    expect(await shell(demo, "docker images --quiet 'chatalot-deploy/*.before'")).to.equal("");
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await readMessages(chatUrl(demo))).to.include("written on the first image");
    await operator.configure({ "env.MAX_FILE_SIZE_MB": 99 });
    expect((await operator.up("--skip-preview")).exitCode).to.equal(0);
  });

  it("are brought when asked for: pulled, backed up and proven, then the old server stops first", async () => {
    const since = Date.now();
    const before = await theContainer(demo, DATABASE);
    const { exitCode, output } = await operator.chatalot("update", "--side-images", "--yes");
    expect(exitCode, output).to.equal(0);
    expect(output.replaceAll(/\s+/g, " "))
      .to.contain(`IMAGE postgres: ${IMAGE} ${first.slice(7, 19)} -> ${second.slice(7, 19)}`)
      .and.to.contain("CHAT IS AWAY")
      .and.to.contain("DONE");
    expect(await runs()).to.equal(second);
    expect(await readMessages(chatUrl(demo))).to.include("written on the first image");
    expect(await stackFile()).to.contain(`postgres: ${IMAGE}@${second}`);

    const [stopped] = (await eventsOf(demo, SERVER, since)).filter(
      ({ action }) => action === "die",
    );
    const [away] = (await eventsOf(demo, before.id, since)).filter(
      ({ action }) => action === "die",
    );
    expect(stopped?.at).to.be.below(away?.at ?? 0);
    const pulls = await shell(
      demo,
      'docker events --since "$1" --until "$2" --filter type=image --filter event=pull --format "{{.TimeNano}}"',
      ...[String(since / 1_000), String(Date.now() / 1_000)],
    );
    expect(Number(pulls.split("\n")[0]) / 1_000_000).to.be.within(since, stopped?.at ?? 0);
    const job = (await ledgerOf(demo)).at(-1)?.sequence ?? 0;
    const backups = await operator.mustChatalot("backup", "list", "--json");
    const [newest] = JSON.parse(backups.output) as { name: string; provenAt?: string }[];
    expect(Number(newest?.name.split("-")[0])).to.equal(job);
    expect(Date.parse(newest?.provenAt ?? "")).to.be.within(since, stopped?.at ?? 0);
  });

  it("are nothing to do once they run", async () => {
    const before = await runningSince(demo);
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(before);
    expect((await operator.chatalot("update", "--side-images", "--yes")).exitCode).to.equal(3);
    expect((await operator.preview("--expect-no-changes")).exitCode).to.equal(0);
  });

  it("stop nothing where the image can't even start", async () => {
    const before = [await runningSince(demo), await stackFile()];
    await publishSideImage(demo, "postgres:17", ['ENTRYPOINT ["false"]']);
    const { exitCode, output } = await operator.chatalot("update", "--side-images", "--yes");
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain("UNTOUCHED").and.to.contain("can't take the database over");
    expect([await runningSince(demo), await stackFile()]).to.deep.equal(before);
  });

  it("go back where the image doesn't run with the data", async () => {
    const before = await stackFile();
    await publishSideImage(demo, "postgres:17", REFUSES_DATA);
    const { exitCode, output } = await operator.chatalot("update", "--side-images", "--yes");
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain(`REVERTED ${RELEASE}`).and.to.contain("it is broken");
    expect(await runs()).to.equal(second);
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok", db_healthy: true });
    expect(await readMessages(chatUrl(demo))).to.include("written on the first image");
    expect(await theContainer(demo, SERVER)).to.include({ restartPolicy: "unless-stopped" });
    expect(await stackFile()).to.equal(before);
    // What the stack file says is what runs: a plain up goes on from there.
    expect((await operator.up("--skip-preview")).exitCode).to.equal(0);
  });

  it("are refused before anything stops where PostgreSQL has another major version", async () => {
    const before = await runningSince(demo);
    const other = await publishSideImage(demo, "postgres:17", ["ENV PG_MAJOR=18"]);
    const found = await operator.chatalot("updates");
    expect(found.output).to.contain("PostgreSQL 18, not 17");
    expect((await operator.chatalot("update", "--side-images", "--yes")).exitCode).to.equal(3);
    await operator.configure({ "sideImages.postgres": `${IMAGE}@${other}` });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("UNTOUCHED").and.to.contain("has PostgreSQL 18");
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  it("are refused in the preview where the release has another tag, or no such service", async () => {
    await operator.configure({
      "sideImages.postgres": `${REGISTRY}/us/postgres:16@${first}`,
      "sideImages.redis": `redis:7@${first}`,
    });
    const { exitCode, output } = await operator.preview();
    expect(exitCode, output).not.to.equal(0);
    expect(output)
      .to.contain("sideImages.postgres is for")
      .and.to.contain("sideImages.redis is for redis:7")
      .and.to.contain("pulumi config rm --path sideImages.redis");
    await operator.must("config", "rm", "--path", "sideImages.redis");
    await operator.configure({ "sideImages.postgres": `${IMAGE}@${second}` });
  });

  it("go back with the earlier update that a rollback names", async () => {
    const { exitCode, output } = await operator.chatalot("rollback", "--to", "2", "--yes");
    expect(exitCode, output).to.equal(0);
    expect(output).to.match(/Settings .*postgres/);
    expect(await runs()).to.equal(first);
    expect(await readMessages(chatUrl(demo))).to.include("written on the first image");
    expect(await stackFile()).not.to.contain("sideImages");
  });

  it("are listed without what is newer where the registry is away, which is no failure", async () => {
    await stopRegistry(demo);
    const image = await listed();
    expect(image).to.include({ runs: first, isNewer: false });
    expect(image.problem).to.match(/refused|asked for/);
    const { exitCode, output } = await operator.chatalot("updates");
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("not known");
  });
});
