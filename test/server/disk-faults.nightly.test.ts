import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, clean, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { freezeJobAt, thawJob } from "./support/job-control.ts";
import {
  appliedMigrations,
  DATABASE,
  query,
  releaseImages,
  runningSince,
  SERVER,
  shell,
  webVersion,
} from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import {
  DOCKER_FOLDER,
  fill,
  freeAgain,
  giveDockerSmallDisk,
  leaveFree,
  mountSmallDisk,
  takeDockerSmallDisk,
  unmountSmallDisk,
} from "./support/small-disk.ts";
import { takeBack } from "./support/take-back.ts";

const BACKUPS = `${DIRECTORY}/backups`;
const TREES = `${DIRECTORY}/trees`;

describe("an update that runs out of disk before it stops the old server", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;
  let served: Record<string, string>;

  before(async () => {
    demo = await cleanServer();
    await giveDockerSmallDisk(demo, "size=6g");
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.1" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    served = await runningSince(demo);
    prober = startProber({ baseUrl: chatUrl(demo) });
  });
  after(() =>
    takeBack(
      () => demo && thawJob(demo).catch(() => undefined),
      () => demo && unmountSmallDisk(demo, BACKUPS),
      () => demo && unmountSmallDisk(demo, TREES),
      () => prober?.stop(),
      () => demo && clean(demo),
      () => demo && takeDockerSmallDisk(demo),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("is untouched when a build fills Docker's disk", async () => {
    // More than the 2 GB that are asked for, and less than this build writes.
    await leaveFree(demo, DOCKER_FOLDER, 2_400);
    const images = await releaseImages(demo);
    await operator.configure({ release: "v1.0.2-build-fills-disk" });
    const run = await operator.up("--skip-preview");
    await expectUntouched(run, "v1.0.2-build-fills-disk", /no space left on device/i);
    expectNumbers(run);
    // What had served before can still be gone back to; what the build had written is gone.
    expect(await releaseImages(demo)).to.deep.equal(images);
    expect(await freeMegabytes(DOCKER_FOLDER)).to.be.greaterThan(2_000);
  });

  it("is refused with numbers where Docker's disk is too full to begin", async () => {
    await leaveFree(demo, DOCKER_FOLDER, 900);
    await operator.configure({ release: "v1.1.0" });
    const run = await operator.up("--skip-preview");
    await leaveFree(demo, DOCKER_FOLDER, 4_000);
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.match(/Docker's folder has \d+ MB free; 2048 MB are needed/);
    await expectServing();
  });

  it("is untouched when the proof's restore fills the disk, and the copy is dropped", async () => {
    // What is random can't be made small, neither by the dump nor by the database.
    await query(
      demo,
      `CREATE TABLE ballast AS SELECT i, (SELECT string_agg(md5(random()::text || i || j), '')
         FROM generate_series(1, 1000) AS j) AS text FROM generate_series(1, 5000) AS i`,
    );
    await operator.configure({ release: "v1.1.0" });
    const update = operator.up("--skip-preview");
    await freezeJobAt(demo, "J5");
    // An empty database takes 40 MB, this one and its log more than 200.
    await leaveFree(demo, DOCKER_FOLDER, 120);
    await thawJob(demo);
    const run = await update;
    await leaveFree(demo, DOCKER_FOLDER, 4_000);
    await expectUntouched(run, "v1.1.0", /No space left on device/);
    expectNumbers(run);
    await query(demo, "DROP TABLE ballast");
  });

  it("is refused with the number of inodes where the backups' disk has none", async () => {
    await mountSmallDisk(demo, BACKUPS, "size=2g,nr_inodes=12");
    await shell(demo, `for i in $(seq 20); do touch ${BACKUPS}/file-$i || break; done 2>/dev/null`);
    const run = await operator.up("--skip-preview");
    await expectUntouched(run, "v1.1.0", /too few free inodes: \d+ left on .*backups, 10 needed/);
    await unmountSmallDisk(demo, BACKUPS);
  });

  it("is untouched when the backups' disk is read-only", async () => {
    await mountSmallDisk(demo, BACKUPS, "size=2g");
    await shell(demo, `mount -o remount,ro ${BACKUPS}`);
    const run = await operator.up("--skip-preview");
    await expectUntouched(run, "v1.1.0", /read-only file system/i);
    await unmountSmallDisk(demo, BACKUPS);
  });

  it("is untouched when the release's tree finds no inodes, or a read-only disk", async () => {
    for (const [options, cause] of [
      ["size=64m,nr_inodes=12", /No space left on device/],
      ["size=64m,ro", /read-only file system/i],
    ] as const) {
      await mountSmallDisk(demo, TREES, "size=64m");
      await shell(demo, `rm -rf ${TREES}/*; mount -o "remount,$1" ${TREES}`, options);
      const run = await operator.up("--skip-preview");
      await expectUntouched(run, "v1.1.0", cause);
      await unmountSmallDisk(demo, TREES);
    }
  });

  it("is untouched and told where nothing can be written into its directory", async () => {
    const state = `${DIRECTORY}/.deploy`;
    await mountSmallDisk(demo, state, "size=64m");
    await fill(demo, state);
    const full = await operator.up("--skip-preview");
    await freeAgain(demo, state);
    await shell(demo, `mount -o remount,ro ${state}`);
    const readOnly = await operator.up("--skip-preview");
    await unmountSmallDisk(demo, state);
    expect(full.exitCode, full.output).not.to.equal(0);
    expect(full.output).to.match(/no space left on device/i);
    expect(readOnly.exitCode, readOnly.output).not.to.equal(0);
    expect(readOnly.output).to.match(/read-only file system/i);
    await expectServing();
  });

  it("is done when there is room again", async () => {
    const run = await operator.up("--skip-preview");
    expect(run.exitCode, run.output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
    expect(await prober.missingMarkers()).to.deep.equal([]);
  });

  async function expectUntouched(run: Run, release: string, cause: RegExp): Promise<void> {
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain(`UNTOUCHED ${release}`);
    expect(cause.test(run.output), run.output).to.equal(true);
    await expectServing();
  }

  function expectNumbers({ output }: Run): void {
    const hasNumbers = /Free now: [^\n]*\d+ MB[^\n]* on \/var\/lib\/docker/.test(output);
    expect(hasNumbers, output).to.equal(true);
  }

  /** The very same containers, no request unanswered, and nothing left half written. */
  async function expectServing(): Promise<void> {
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(prober.snapshot().failedRequests).to.equal(0);
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3]);
    expect(await prober.missingMarkers()).to.deep.equal([]);
    expect(await shell(demo, `find ${DIRECTORY} -name '*.partial'`)).to.equal("");
    const containers = await shell(demo, "docker ps --all --format '{{.Names}}' | sort");
    expect(containers.split("\n")).to.deep.equal([DATABASE, SERVER]);
  }

  async function freeMegabytes(folder: string): Promise<number> {
    const free = await shell(demo, `df --output=avail --block-size=1M "$1" | tail -n 1`, folder);
    return Number(free);
  }
});
