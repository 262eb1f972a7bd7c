import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { chatUrl, operatorOf, sampleRepository } from "./support/fixture.ts";
import * as jobs from "./support/job-control.ts";
import { useLocalBuilds } from "./support/local-builds.ts";
import {
  appliedMigrations,
  COMMIT_LABEL,
  DATABASE,
  healthOf,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { emptyFilesIn, loseContent, type PlaceOf, PowerServer } from "./support/power.ts";
import { killAll, processTree } from "./support/processes.ts";
import { takeBack } from "./support/take-back.ts";

const NAME = `${process.env.CHATALOT_DEPLOY_TEST_SERVER ?? "test"}-on-a-disk`;

const UP = ["up", "--yes", "--non-interactive", "--skip-preview"];

const OLD = { tag: "v1.0.1", version: "1.0.1", migrations: [1, 2, 3] };
/** Has one migration more, so that its update stops the old release first. */
const NEW = { tag: "v1.1.0", version: "1.1.0", migrations: [1, 2, 3, 4] };

describe("a server that loses its power", function () {
  this.timeout(600_000);
  let server: PowerServer;
  let operator: Operator;
  let demo: DemoServer;
  let commits: Readonly<Record<string, string>>;

  before(async () => {
    commits = (await sampleRepository()).tags;
    server = await PowerServer.boot(NAME);
    demo = server.demo;
    operator = await operatorOf(demo);
    await operator.configure({ release: OLD.tag });
    await operator.must(...UP);
  });
  after(() =>
    takeBack(
      () => server?.destroy(),
      () => operator?.leave(),
    ),
  );

  it("loses what nobody has flushed, and nothing else", async function () {
    // Whoever calls sync on this machine flushes this server's disk as well.
    this.retries(3);
    await shell(
      demo,
      `sync; cd /srv; echo kept > flushed; echo lost > unflushed; echo lost > renamed.tmp
       mv renamed.tmp renamed; sync flushed`,
    );
    await server.losePower("proof");
    demo = await server.bootOn("proof", {
      look: async (placeOf) => {
        expect(await readFile(join(placeOf("srv"), "flushed"), "utf8")).to.equal("kept\n");
        // Their names were written with the journal of the file system, and what is in them was not.
        for (const name of ["unflushed", "renamed"])
          expect(await readFile(join(placeOf("srv"), name), "utf8")).to.equal("");
      },
    });
    expect(await shell(demo, "cd /srv; cat flushed; rm flushed unflushed renamed")).to.equal(
      "kept",
    );
  });

  describe("while the next release's image arrives", () => {
    useLocalBuilds(() => demo);

    let digest: string;

    before(async () => {
      await operator.configure({ buildOn: "here" });
      await mustPrepare();
      digest = await digestOfServerProgram(NEW.tag);
      // Somebody tidied up. The release's tree stays, so that no step before J3 flushes anything.
      await shell(demo, `docker image rm ${imageOf(NEW.tag)}; sync`);
    });

    it("does not trust an image that is listed and was not flushed", async () => {
      await jobs.holdFlushes(demo);
      const prepare = operator.chatalot("prepare", NEW.tag);
      await jobs.jobFlushes(demo);
      const programs = await filesOfServerProgram(NEW.tag);
      expect(programs).to.have.length(1);
      await server.losePower("image");
      demo = await server.bootOn("image", {
        look: async (placeOf) => {
          for (const file of programs) await loseContent(join(placeOf("docker"), file));
        },
      });
      expect((await prepare).output)
        .to.contain("UNTOUCHED")
        .and.to.contain("Run pulumi up again");
      expect(await shell(demo, `docker images --quiet ${imageOf(NEW.tag)}`)).to.equal("");
      await expectServing(OLD);
    });

    it("has the image once it was told to be ready", async () => {
      await mustPrepare();
      await server.losePower("ready");
      demo = await server.bootOn("ready");
      expect(await digestOfServerProgram(NEW.tag)).to.equal(digest);
    });

    async function mustPrepare(): Promise<void> {
      const { exitCode, output } = await operator.chatalot("prepare", NEW.tag);
      expect(exitCode, output).to.equal(0);
    }
  });

  describe("in an update with a migration", () => {
    let accepted: Prober;
    let prober: Prober | undefined;

    before(async () => {
      // The job that is held has to be the swap, not the one that gets the image.
      const { exitCode, output } = await operator.chatalot("prepare", NEW.tag);
      expect(exitCode, output).to.be.oneOf([0, 3]);
      accepted = startProber({ baseUrl: chatUrl(demo) });
      await jobs.holdJobsAt(demo, "J0");
      await operator.configure({ release: NEW.tag });
      const update = operator.start(...UP);
      await jobs.jobAt(demo, "J0");
      await sleep(2_000);
      // Nobody is logged in who could take the job up.
      killAll(await processTree(update.pid ?? -1));
      await accepted.stop();
      expect(accepted.snapshot().acknowledgedMarkers).not.to.deep.equal([]);
      await server.losePower("accepted");
    });
    afterEach(() => prober?.stop());

    const forward = (step: string) => async (): Promise<void> => {
      await jobs.holdJobsAt(demo, step);
      await jobs.killJob(demo);
      await jobs.jobAt(demo, step);
    };
    /** The job is killed at J9, and then goes back. */
    const back = (step: string) => async (): Promise<void> => {
      await forward("J9")();
      await forward(step)();
    };
    const inMiddle = (begin: () => Promise<void>, tag: string, state: string) => async () => {
      await begin();
      await jobs.letJobsRun(demo);
      await jobs.killJob(demo);
      const filters = [`label=${COMMIT_LABEL}=${commits[tag]}`, `status=${state}`];
      await jobs.freezeJobWhen(demo, [
        ...["docker", "ps", "--all", "--quiet"],
        ...filters.flatMap((filter) => ["--filter", filter]),
      ]);
    };
    const losses: [string, typeof OLD, () => Promise<void>][] = [
      ["J1", NEW, () => Promise.resolve()],
      ["J4", NEW, forward("J4")],
      ["J5", NEW, forward("J5")],
      ["J6", OLD, forward("J6")],
      ["J7", OLD, forward("J7")],
      ["J8", OLD, forward("J8")],
      [
        "J8, with the new container made",
        OLD,
        inMiddle(() => Promise.resolve(), NEW.tag, "created"),
      ],
      ["J9", OLD, forward("J9")],
      ["J10, before the commit", OLD, forward("J10")],
      ["J11, after the commit", NEW, forward("J11")],
      ["R1", OLD, back("R1")],
      ["R2", OLD, back("R2")],
      ["R3", OLD, back("R3")],
      ["R4", OLD, inMiddle(forward("J9"), OLD.tag, "running")],
      ["R5", OLD, back("R5")],
    ];

    it("at J0, before the job has begun, ends with the new release", async () => {
      demo = await server.bootOn("accepted", { look: expectWholeFiles });
      await jobs.jobsAreClosed(demo);
      await expectServing(NEW);
      expect(await accepted.missingMarkers(chatUrl(demo))).to.deep.equal([]);
    });

    for (const [moment, serves, bringThere] of losses)
      it(`at ${moment}, ends with the ${serves === OLD ? "old" : "new"} release`, async () => {
        demo = await server.bootOn("accepted", { holdAt: "J1" });
        prober = startProber({ baseUrl: chatUrl(demo) });
        while (prober.snapshot().acknowledgedMarkers.length < 2) await sleep(100);
        await bringThere();
        await prober.stop();
        const uncommitted = moment.startsWith("J11") ? [] : await containersFrom(NEW.tag);

        await server.losePower("lost");
        demo = await server.bootOn("lost", { look: expectWholeFiles });
        await jobs.jobsAreClosed(demo);

        await expectServing(serves);
        for (const writer of [accepted, prober])
          expect(await writer.missingMarkers(chatUrl(demo))).to.deep.equal([]);
        const started = await startedSinceBoot();
        expect(started).to.include((await theContainer(demo, SERVER)).id);
        expect(started.filter((id) => uncommitted.includes(id))).to.deep.equal([]);
      });

    /** The containers that run, or are to run, a release. */
    async function containersFrom(tag: string): Promise<string[]> {
      const filter = `label=${COMMIT_LABEL}=${commits[tag]}`;
      const ids = await shell(demo, 'docker ps --all --quiet --no-trunc --filter "$1"', filter);
      return ids.split("\n").filter((id) => id !== "");
    }

    /** All containers that were started, by whomever, since Docker was. */
    async function startedSinceBoot(): Promise<string[]> {
      const events = `docker events --since 1h --until "$(date +%s)" --filter event=start`;
      return (await shell(demo, `${events} --format '{{.Actor.ID}}'`)).split("\n");
    }
  });

  function imageOf(tag: string): string {
    return `chatalot-deploy/chatalot:${commits[tag]}`;
  }

  /**
   * Where a release's image has its main file, relative to Docker's folder. No container is run to look at
   * it: the kernel flushes the whole disk when one ends.
   */
  async function filesOfServerProgram(tag: string): Promise<string[]> {
    const format = "{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}";
    const script = `docker image inspect --format "$1" "$2" | tr : "\\n" |
      while read -r layer; do find "$layer/app" -name server.cjs -printf '%p\\n' 2>/dev/null || true; done`;
    const found = (await shell(demo, script, format, imageOf(tag))).split("\n");
    return found.map((path) => relative("/var/lib/docker", path));
  }

  async function digestOfServerProgram(tag: string): Promise<string> {
    const [file = ""] = await filesOfServerProgram(tag);
    return shell(demo, 'sha256sum "/var/lib/docker/$1" | cut -d " " -f 1', file);
  }

  async function expectServing(release: typeof OLD): Promise<void> {
    const url = chatUrl(demo);
    expect(await webVersion(url)).to.equal(release.version);
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await appliedMigrations(demo)).to.deep.equal(release.migrations);
    const { labels, restartPolicy } = await theContainer(demo, SERVER);
    expect(labels[COMMIT_LABEL]).to.equal(commits[release.tag]);
    expect(restartPolicy).to.equal("unless-stopped");
    const names = await shell(demo, "docker ps --all --format '{{.Names}}' | sort");
    expect(names.split("\n")).to.deep.equal([DATABASE, SERVER]);
  }
});

/** No file that the updater counts on has its name and nothing in it. */
async function expectWholeFiles(placeOf: PlaceOf): Promise<void> {
  const empty = await emptyFilesIn(join(placeOf("srv"), "chatalot"));
  // A release's tree has what upstream put there, a lock is empty anyway, a log is nothing that anybody
  // counts on, and a file without its last name may be torn.
  const expected = /^trees\/|(?:^|\/)lock$|\.log$|\.tmp$|\.partial\//;
  expect(empty.filter((name) => !expected.test(name))).to.deep.equal([]);
}
