import { mkdir, readFile } from "node:fs/promises";
import { expect } from "chai";
import { closeJob } from "../../updater/close.ts";
import type { ImageChange } from "../../updater/drivers/driver.ts";
import type { Job } from "../../updater/job.ts";
import { needsBackup, proveBackup, writeBackup } from "../../updater/steps/backup.ts";
import { restoreDatabase } from "../../updater/steps/revert-point.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { SWITCH_STEPS } from "../../updater/steps/switch.ts";
import { container, type FakeDriver, healthy } from "./fake-driver.ts";
import {
  applied,
  DATABASE,
  ledgerRecord,
  makeContext,
  NEW_COMMIT,
  release,
  servingRecord,
  switchPlan,
} from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

type Context = JobContext & { driver: FakeDriver };

const CHANGE: ImageChange = {
  service: "postgres",
  from: { reference: "postgres:17", id: "sha256:old", postgresMajor: "17" },
  to: { reference: "postgres:17@sha256:new", id: "sha256:new", postgresMajor: "17" },
};
const TURN: ImageChange = {
  service: "coturn",
  from: { reference: "coturn/coturn:4", id: "sha256:old turn" },
  to: { reference: "coturn/coturn:4@sha256:new", id: "sha256:new turn" },
};

describe("an update with other images beside the server's", () => {
  const temporary = useTemporaryDirectory();

  /** The same release as the one that serves, without migrations to come. */
  async function ready(images: ImageChange[]): Promise<Context> {
    const previous = ledgerRecord({ release: release(NEW_COMMIT) });
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    const { driver } = context;
    driver.current = container(NEW_COMMIT);
    driver.images.set(`chatalot:${NEW_COMMIT}`, { id: `sha256:${NEW_COMMIT}`, commit: NEW_COMMIT });
    driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2) };
    driver.healthAnswer = healthy();
    driver.otherImages = images;
    const { target } = context.job.plan;
    await mkdir(temporary(target?.releaseDirectory ?? ""), { recursive: true });
    if (target !== undefined) target.gate.mustStayGoodFor = 0;
    return context;
  }

  function step(id: string) {
    const found = SWITCH_STEPS.find((entry) => entry.id === id);
    if (found === undefined) throw new Error(`there is no step ${id}`);
    return found;
  }

  async function run(context: Context, id: string): Promise<void> {
    const facts = await step(id).run(context);
    await context.job.record({ type: "done", step: id, ...(facts ? { facts } : {}) });
  }

  const didIn = (context: Context): string[] => context.driver.calls.splice(0);
  const reloaded = (job: Job): unknown => job.factsOf("J1")?.images;

  it("notes them in J1, when all is on the server", async () => {
    const context = await ready([CHANGE, TURN]);
    await run(context, "J1");
    expect(didIn(context)).to.deep.equal([
      ...["fetchOthers", "holdImage sha256:old", "holdImage sha256:old turn"],
      ...["proveImage", "ownSecrets"],
    ]);
    expect(reloaded(context.job)).to.deep.equal([CHANGE, TURN]);
  });

  it("is not kept from going on by an image that can't be kept", async () => {
    const context = await ready([TURN]);
    context.driver.broken.add("holdImage");
    await run(context, "J1");
    await context.progress.flushed();
    expect(await readFile(context.job.paths.progress, "utf8")).to.contain(
      "the image that coturn runs can't be kept",
    );
  });

  const refused: [string, ImageChange["to"], string][] = [
    ["another major version", { ...CHANGE.to, postgresMajor: "18" }, "has PostgreSQL 18"],
    ["no version", { reference: "postgres:17@sha256:new", id: "sha256:new" }, "does not tell"],
  ];
  for (const [what, to, text] of refused)
    it(`refuses in J1 a database of ${what}, and stops nothing`, async () => {
      const context = await ready([{ ...CHANGE, to }]);
      const { message } = await errorOf(async () => step("J1").run(context));
      expect(message)
        .to.contain(text)
        .and.to.contain("would not read them")
        .and.to.contain("pulumi config rm --path sideImages.postgres");
      expect(didIn(context)).to.deep.equal(["fetchOthers"]);
    });

  it("backs the database up before it gets another image, proves that, and tries the image on it", async () => {
    const context = await ready([CHANGE]);
    await run(context, "J1");
    didIn(context);
    expect(needsBackup(context)).to.equal(true);
    await run(context, "J4");
    await run(context, "J5");
    expect(didIn(context)).to.deep.equal(["dump", "prove", "tryImage sha256:new"]);
  });

  it("ends before anything is stopped where the image can't take the database over", async () => {
    const context = await ready([CHANGE]);
    await run(context, "J1");
    const facts = await writeBackup(context);
    await context.job.record({ type: "done", step: "J4", facts });
    context.driver.databaseTools.faultOfImage = "it ended with exit code 1";
    const { message } = await errorOf(() => proveBackup(context));
    expect(message)
      .to.contain("the image postgres:17@sha256:new can't take the database over: it ended with")
      .and.to.contain("is good, by the image that runs");
  });

  it("takes no backup for another service, or for another name of the same image", async () => {
    const renamed = { ...CHANGE, to: { ...CHANGE.to, id: "sha256:old" } };
    for (const images of [[TURN], [renamed]]) {
      const context = await ready(images);
      await run(context, "J1");
      expect(needsBackup(context)).to.equal(false);
    }
  });

  it("stops the old server first where the database's container is made anew, and closes no door", async () => {
    const context = await ready([CHANGE]);
    for (const id of ["J1", "J6"]) await run(context, id);
    expect(didIn(context)).to.include("stopServer");
    await run(context, "J8");
    expect(didIn(context).join())
      .to.match(/^start /)
      .and.not.contain("closed door");
  });

  it("lets the server serve on where only another service is made anew", async () => {
    const context = await ready([TURN]);
    for (const id of ["J1", "J6"]) await run(context, id);
    expect(didIn(context)).not.to.include("stopServer");
  });

  it("stops a server with the same definition before it goes back, since its database is the new one", async () => {
    const context = await ready([CHANGE]);
    for (const id of ["J1", "J6", "J8"]) await run(context, id);
    didIn(context);
    const { job } = context;
    const old = job.plan.previous?.serving;
    context.driver.current = container(NEW_COMMIT, {
      composeConfigHash: old?.composeConfigHash ?? "",
    });
    expect(await step("J8").undo?.run(context)).to.deep.equal({});
    expect(didIn(context)).to.deep.equal(["stopServer"]);
  });

  it("gives the database its image back before anything is done with it", async () => {
    const context = await ready([CHANGE]);
    for (const id of ["J1", "J6", "J7"]) await run(context, id);
    didIn(context);
    expect(await restoreDatabase(context)).to.deep.equal({ swapped: false });
    const { releaseDirectory = "" } = context.job.plan.previous?.serving ?? {};
    expect(didIn(context)).to.deep.equal([
      `startDatabase ${temporary(...releaseDirectory.split("/"))} made anew`,
    ]);
  });

  it("is not proven where a service doesn't run on its new image", async () => {
    const context = await ready([TURN]);
    for (const id of ["J1", "J6", "J8"]) await run(context, id);
    if (context.job.plan.target !== undefined) context.job.plan.target.gate.timeout = 0;
    context.driver.side.set("coturn", container("", { status: "restarting", running: false }));
    const { message } = await errorOf(async () => step("J9").run(context));
    expect(message).to.contain("coturn is restarting");
    context.driver.side.set("coturn", container(""));
    await run(context, "J9");
  });

  it("asks no service to run that did not run before", async () => {
    const context = await ready([{ ...TURN, isStopped: true }]);
    for (const id of ["J1", "J6", "J8"]) await run(context, id);
    if (context.job.plan.target !== undefined) context.job.plan.target.gate.timeout = 0;
    context.driver.side.set("coturn", container("", { status: "exited", running: false }));
    context.driver.current = container(NEW_COMMIT);
    await run(context, "J9");
  });

  describe("whose tags have moved on the server", () => {
    const moved = (change: ImageChange): ImageChange => ({
      ...change,
      to: { ...change.to, reference: change.from.reference },
    });

    /** As when the new server was begun, from images that the old tags name now. */
    async function begun(...images: ImageChange[]): Promise<Context> {
      const context = await ready(images);
      for (const { from, to } of images) context.driver.tags.set(from.reference, to.id ?? "");
      for (const id of ["J1", "J6", "J7", "J8"]) await run(context, id);
      context.driver.current = container(NEW_COMMIT);
      context.driver.databaseInVolume = context.driver.currentDatabase;
      didIn(context);
      return context;
    }
    const tagsAndStarts = (context: Context): string[] =>
      didIn(context)
        .filter((call) => /^(nameImage|start)/.test(call))
        .map((call) => call.replace(/ \/.*/, ""));

    it("gives the tags back before the old database or the old server is started", async () => {
      const context = await begun(moved(CHANGE), moved(TURN));
      await restoreDatabase(context);
      await step("J6").undo?.run(context);
      expect(tagsAndStarts(context)).to.deep.equal([
        ...["nameImage sha256:old postgres:17", "nameImage sha256:old turn coturn/coturn:4"],
        ...["startDatabase", "start"],
      ]);
      await context.progress.flushed();
      expect(await readFile(context.job.paths.progress, "utf8")).to.contain(
        "postgres:17 names the image again that it named before",
      );
    });

    it("gives them back also where the way back begins before the step of the database", async () => {
      const context = await begun(moved(TURN));
      await step("J6").undo?.run(context);
      expect(tagsAndStarts(context)).to.deep.equal([
        ...["nameImage sha256:old turn coturn/coturn:4", "start"],
      ]);
    });

    it("gives them back where the update itself goes to another name", async () => {
      const context = await begun(CHANGE);
      await restoreDatabase(context);
      expect(tagsAndStarts(context)[0]).to.equal("nameImage sha256:old postgres:17");
    });

    it("starts the old server also where a tag can't be given back", async () => {
      const context = await begun(moved(TURN));
      context.driver.broken.add("nameImage");
      await step("J6").undo?.run(context);
      expect(didIn(context).join()).to.contain("start ");
      await context.progress.flushed();
      expect(await readFile(context.job.paths.progress, "utf8")).to.contain(
        "coturn/coturn:4 may name another image than coturn ran",
      );
    });

    it("changes no tag that has not moved, and no digest", async () => {
      const pinned = { ...TURN, from: { ...TURN.from, reference: "coturn/coturn:4@sha256:old" } };
      const context = await begun(pinned);
      const still = await begun(CHANGE);
      still.driver.tags.clear();
      for (const each of [context, still]) {
        await restoreDatabase(each);
        await step("J6").undo?.run(each);
        expect(didIn(each).filter((call) => call.startsWith("nameImage"))).to.deep.equal([]);
      }
    });

    for (const outcome of ["done", "reverted", "untouched", "needs-operator"] as const)
      it(`${outcome === "needs-operator" ? "keeps" : "lets go of"} the old images when a job ends as "${outcome}", and moves no tag`, async () => {
        const context = await begun(moved(CHANGE));
        const more = outcome === "done" ? { serving: servingRecord(NEW_COMMIT) } : {};
        await closeJob(context, outcome, more);
        const did = didIn(context);
        expect(did.includes("letGoOfImages")).to.equal(outcome !== "needs-operator");
        expect(did.filter((call) => call.startsWith("nameImage"))).to.deep.equal([]);
      });
  });
});
