import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { holdJobsAt, jobsAreClosed, killJob, letJobsRun } from "./support/job-control.ts";
import {
  appliedMigrations,
  containerOf,
  healthOf,
  ledgerOf,
  numberOfJobs,
  query,
  releaseImages,
  runningSince,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const MARKER = `${DIRECTORY}/.deploy/needs-operator`;
const FIRST_EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];

describe("chatalot resolve and prepare", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  /** The image of v1.2.0, by its tag. */
  let oldImage: string;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.2.0" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    expect(await writeMarker(url, "a message in small letters")).to.equal(true);
    const [commit = ""] = Object.keys(await releaseImages(demo));
    oldImage = `chatalot-deploy/chatalot:${commit}`;
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => operator?.leave(),
    ),
  );

  it("finds nothing to resolve where nothing went wrong", async () => {
    const { exitCode, output } = await operator.chatalot("resolve");
    expect(exitCode, output).to.equal(3);
    expect(output).to.contain("Nothing needs you");
  });

  it("shows what happened, what is there and every way out, and changes nothing", async () => {
    // The image that the way back needs is lost, so that the way back can't be walked.
    await shell(demo, 'docker tag "$1" kept:now && docker rmi --force "$1"', oldImage);
    await operator.configure({ release: "v1.2.1-migration-fails-third-of-five" });
    const update = await operator.up("--skip-preview");
    expect(update.exitCode, update.output).to.not.equal(0);
    expect(update.output).to.contain("NEEDS YOU").and.to.contain("npx chatalot resolve");
    const { sequence } = (await ledgerOf(demo)).at(-1) ?? {};
    const jobs = await numberOfJobs(demo);

    const { exitCode, output } = await operator.chatalot("resolve");

    expect(exitCode, output).to.equal(4);
    for (const told of [
      "v1.2.0",
      "v1.2.1-migration-fails-third-of-five",
      `Job ${sequence}`,
      `database chatalot_failed_${sequence}`,
      "database chatalot: 8 migrations",
      `${DIRECTORY}/backups/`,
      "npx chatalot resolve --take-back",
      "npx chatalot resolve --clear",
      `pulumi config set retry ${sequence}`,
    ])
      expect(output).to.contain(told);
    expect(output).to.match(/backup of v1\.2\.0, .* proven .*database\.dump/);
    expect((await containerOf(demo, SERVER))?.running ?? false).to.equal(false);
    expect(await shell(demo, 'test -e "$1" && echo there', MARKER)).to.equal("there");
    expect(await numberOfJobs(demo)).to.equal(jobs);
  });

  it("lets nothing begin meanwhile, and names itself as the way out", async () => {
    const jobs = await numberOfJobs(demo);
    for (const run of [await operator.preview(), await operator.chatalot("prepare", "v1.3.0")]) {
      expect(run.exitCode, run.output).to.be.greaterThan(0);
      expect(run.output).to.contain("npx chatalot resolve");
    }
    expect(await numberOfJobs(demo)).to.equal(jobs);
  });

  it("takes nothing back without a word of the operator's", async () => {
    for (const option of ["--take-back", "--clear"]) {
      const { exitCode, output } = await operator.chatalot("resolve", option);
      expect(exitCode, output).to.equal(4);
      expect(output).to.contain('Add "--yes"');
    }
    expect(await shell(demo, 'test -e "$1" && echo there', MARKER)).to.equal("there");
  });

  it("needs the operator again when the way back fails again", async () => {
    const { exitCode, output } = await operator.chatalot("resolve", "--take-back", "--yes");
    expect(exitCode, output).to.equal(4);
    expect(output).to.contain("NEEDS YOU");
    expect(await shell(demo, 'test -e "$1" && echo there', MARKER)).to.equal("there");
  });

  it("takes the old release back, also when it is killed on the way", async () => {
    await shell(demo, 'docker tag kept:now "$1" && docker rmi kept:now', oldImage);
    await holdJobsAt(demo, "R3");
    const taking = operator.chatalot("resolve", "--take-back", "--yes");
    await shell(
      demo,
      `for try in $(seq 4000); do
         tail -n 1 "$(ls -d ${DIRECTORY}/.deploy/jobs/*/ | tail -n 1)/journal" | grep -qF '"step":"R3"' && exit 0
         sleep 0.1
       done; exit 1`,
    );
    await letJobsRun(demo);
    await killJob(demo);
    const { exitCode, output } = await taking;
    await jobsAreClosed(demo);

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("REVERTED v1.2.0");
    expect(await webVersion(url)).to.equal("1.2.0");
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await appliedMigrations(demo)).to.deep.equal(FIRST_EIGHT);
    expect(await readMessages(url)).to.include("a message in small letters");
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");
    expect(await shell(demo, 'test -e "$1" || echo gone', MARKER)).to.equal("gone");
    expect((await operator.chatalot("resolve")).exitCode).to.equal(3);
    const databases = await query(demo, "SELECT datname FROM pg_database");
    expect(databases.filter((name) => name.startsWith("chatalot_"))).to.have.length(1);
  });

  it("deploys as ever afterwards, and restarts nothing that is as asked", async () => {
    const running = await runningSince(demo);
    await operator.configure({ release: "v1.2.0" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(running);
  });

  it("clears the marker at the operator's word and changes nothing else", async () => {
    const running = await runningSince(demo);
    await shell(demo, 'echo "job 7 could not go back." > "$1"', MARKER);
    const shown = await operator.chatalot("resolve");
    expect(shown.exitCode, shown.output).to.equal(4);
    expect(shown.output)
      .to.contain("job 7 could not go back.")
      .and.to.contain("database chatalot: 8 migrations");
    const { exitCode, output } = await operator.chatalot("resolve", "--clear", "--yes");
    expect(exitCode, output).to.equal(0);
    expect(await shell(demo, 'test -e "$1" || echo gone', MARKER)).to.equal("gone");
    expect(await runningSince(demo)).to.deep.equal(running);
  });

  it("prepares a release beside the one that serves, so that the update builds nothing", async () => {
    const running = await runningSince(demo);
    const before = await releaseImages(demo);
    const prepared = await operator.chatalot("prepare", "v1.3.0");
    expect(prepared.exitCode, prepared.output).to.equal(0);
    expect(prepared.output).to.contain("READY v1.3.0").and.to.contain("J3 get the image");
    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await webVersion(url)).to.equal("1.2.0");
    const images = await releaseImages(demo);
    expect(Object.keys(images)).to.have.length(Object.keys(before).length + 1);
    const again = await operator.chatalot("prepare", "v1.3.0");
    expect(again.exitCode, again.output).to.equal(3);

    await operator.configure({ release: "v1.3.0" });
    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(await webVersion(url)).to.equal("1.3.0");
    // The retention of the update may have removed others.
    const [made = ""] = Object.keys(images).filter((commit) => !Object.hasOwn(before, commit));
    expect((await releaseImages(demo))[made])
      .to.be.a("number")
      .that.equals(images[made]);
    const kinds = (await ledgerOf(demo)).slice(-2).map(({ kind }) => kind);
    expect(kinds).to.deep.equal(["prepare", "switch"]);
  });
});
