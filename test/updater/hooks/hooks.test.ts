import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { Job } from "../../../updater/job.ts";
import { Ledger } from "../../../updater/ledger.ts";
import { instancePaths } from "../../../updater/paths.ts";
import type { HookName, LedgerRecord, Verdict } from "../../../updater/protocol.ts";
import { runOpenJob } from "../../../updater/run.ts";
import { container, FakeDriver, healthy } from "../fake-driver.ts";
import {
  applied,
  DATABASE,
  ledgerRecord,
  makeContext,
  NEW_COMMIT,
  OLD_COMMIT,
  switchPlan,
} from "../samples.ts";
import { useServerPrograms } from "../server-programs.ts";
import { useTemporaryDirectory } from "../temporary.ts";

/** A server on which starting a release makes its container. */
class WorkingDriver extends FakeDriver {
  /** What starting the new release leads to. */
  newServer = healthy();

  override async start(...args: Parameters<FakeDriver["start"]>) {
    const result = await super.start(...args);
    const isNew = args[0].directory.includes(NEW_COMMIT.slice(0, 12));
    this.current = container(isNew ? NEW_COMMIT : OLD_COMMIT);
    this.healthAnswer = isNew ? this.newServer : healthy();
    this.currentDatabase ??= this.databaseInVolume;
    return result;
  }

  override async setRestartPolicy(policy: string): Promise<void> {
    await super.setRestartPolicy(policy);
    if (this.current !== undefined) this.current = { ...this.current, restartPolicy: policy };
  }
}

describe("the server's hooks in a job", function () {
  this.timeout(60_000);
  const temporary = useTemporaryDirectory();
  useServerPrograms(temporary);
  const previous = ledgerRecord();
  const directory = () => temporary("chat");
  const trace = () => temporary("trace");

  interface Opened {
    driver: WorkingDriver;
    job: Job;
    run(): Promise<void>;
    verdict(): Promise<Verdict | undefined>;
  }

  /** @param before what serves; null: nothing */
  async function openSwitch(before: LedgerRecord | null = previous): Promise<Opened> {
    const plan = switchPlan(before === null ? {} : { previous: before });
    const { target } = plan;
    if (target === undefined) throw new Error("a switch has a target");
    target.gate = { timeout: 300, migrationTimeout: 300, mustStayGoodFor: 0 };
    target.hookTimeLimit = 20_000;
    const context = await makeContext(directory(), plan, before === null ? [] : [before]);
    for (const folder of [target.releaseDirectory, before?.serving?.releaseDirectory ?? "releases"])
      await mkdir(join(directory(), folder), { recursive: true });
    for (const folder of ["backups", "trees", ".deploy/incoming"])
      await mkdir(join(directory(), folder), { recursive: true });
    const driver = new WorkingDriver();
    for (const commit of [OLD_COMMIT, NEW_COMMIT])
      driver.images.set(`chatalot:${commit}`, { id: `sha256:${commit}`, commit });
    if (before !== null) driver.current = container(OLD_COMMIT);
    driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2) };
    driver.healthAnswer = healthy();
    const { job } = context;
    return {
      driver,
      job,
      run: () =>
        runOpenJob(
          directory(),
          () => driver,
          async () => undefined,
        ),
      verdict: async () => (await Job.read(paths(), job.sequence))?.closed?.verdict,
    };
  }

  /** A hook that notes that it ran and what it was told, then does something. */
  async function place(name: HookName, then = "", mode = 0o700): Promise<void> {
    const path = join(directory(), "hooks", name);
    await mkdir(join(directory(), "hooks"), { recursive: true });
    await writeFile(
      path,
      `#!/bin/sh\necho "$CHATALOT_HOOK $CHATALOT_RESULT" >> ${trace()}\nenv > ${trace()}.${name}\n${then}\n`,
    );
    await chmod(path, mode);
  }

  async function placeAll(): Promise<void> {
    for (const name of ["before-update", "after-update", "on-failure"] as const) await place(name);
  }

  const ran = async (): Promise<string[]> =>
    (await readFile(trace(), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

  async function factsOf(name: HookName): Promise<Record<string, string>> {
    const lines = (await readFile(`${trace()}.${name}`, "utf8")).trim().split("\n");
    return Object.fromEntries(
      lines.map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]),
    );
  }

  const progressOf = async ({ job }: Opened): Promise<string> =>
    readFile(job.paths.progress, "utf8");
  const lastRecord = async (): Promise<LedgerRecord | undefined> =>
    (await Ledger.read(paths())).last;
  const paths = () => instancePaths(directory());

  const changing = (driver: FakeDriver): string[] =>
    driver.calls.filter((call) => /^(stopServer|start|setRestartPolicy|remove)/.test(call));

  it("run before the service is touched, and after the commit", async () => {
    await placeAll();
    const opened = await openSwitch();
    await opened.run();
    expect(await opened.verdict()).to.deep.include({ outcome: "done" });
    expect(await ran()).to.deep.equal(["before-update ", "after-update done"]);
    const journal = (await Job.read(paths(), opened.job.sequence))?.records ?? [];
    const order = journal.map((record) =>
      "step" in record ? `${record.type} ${record.step}` : record.type,
    );
    const at = (entry: string): number => order.indexOf(entry);
    expect(at("done J5")).to.be.within(0, at("hook-begun"));
    expect(at("hook-ended")).to.be.within(at("hook-begun"), at("begun J6"));
    expect(order.lastIndexOf("hook-begun")).to.be.above(at("done J11"));
  });

  it("are told the journal's facts, and no secret", async () => {
    await placeAll();
    process.env.SECRET_OF_THE_UPDATER = "hidden";
    const opened = await openSwitch();
    await opened.run().finally(() => delete process.env.SECRET_OF_THE_UPDATER);
    const { PATH, PWD: _pwd, SHLVL: _level, _: __, ...facts } = await factsOf("after-update");
    expect(PATH).to.match(/^\/usr\/local\/sbin:/);
    expect(facts).to.deep.equal({
      HOME: "/root",
      LC_ALL: "C.UTF-8",
      CHATALOT_HOOK: "after-update",
      CHATALOT_STEP: "J11a",
      CHATALOT_JOB: String(opened.job.sequence),
      CHATALOT_RESULT: "done",
      CHATALOT_CAUSE: "",
      CHATALOT_FROM_RELEASE: "v1.0.0",
      CHATALOT_FROM_COMMIT: OLD_COMMIT,
      CHATALOT_TO_RELEASE: "v1.1.0",
      CHATALOT_TO_COMMIT: NEW_COMMIT,
      CHATALOT_BACKUP: (await lastRecord())?.backup?.name,
      CHATALOT_REQUESTED_BY: "somebody@somewhere",
      CHATALOT_PROJECT: "chat",
      CHATALOT_DIRECTORY: directory(),
    });
    expect(facts["CHATALOT_BACKUP"]).to.match(/^\d{6}-/);
    const before = await factsOf("before-update");
    expect(before).to.include({ CHATALOT_STEP: "J5b", CHATALOT_RESULT: "" });
    expect(before["CHATALOT_BACKUP"]).to.equal(facts["CHATALOT_BACKUP"]);
  });

  it("stop the update untouched where before-update fails, with what it said", async () => {
    await placeAll();
    await place("before-update", "echo 'a call is going on'; exit 7");
    const opened = await openSwitch();
    await opened.run();
    const verdict = await opened.verdict();
    expect(verdict).to.include({ outcome: "untouched" });
    expect(verdict?.text).to.match(/^UNTOUCHED v1\.1\.0 .*v1\.0\.0 \(aaaaaaa\) serves as before/);
    expect(verdict?.cause).to.contain("before-update").and.to.contain("exit code 7: a call is");
    expect(changing(opened.driver)).to.deep.equal([]);
    expect(await ran()).to.deep.equal(["before-update ", "on-failure untouched"]);
    expect((await lastRecord())?.hooks?.[0]).to.include({
      hook: "before-update",
      problem: "exit code 7: a call is going on",
    });
    expect(await progressOf(opened)).to.contain("a call is going on");
  });

  it("leave an update committed where after-update fails, and tell it", async () => {
    await place("after-update", "echo 'the channel is away' >&2; exit 4");
    const opened = await openSwitch();
    await opened.run();
    const verdict = await opened.verdict();
    expect(verdict).to.include({ outcome: "done" });
    expect(verdict?.text).to.match(/^DONE /);
    expect(verdict?.hooks).to.have.length(1);
    expect(verdict?.hooks?.[0]).to.include({ problem: "exit code 4: the channel is away" });
    expect(await progressOf(opened)).to.contain(
      "WARNING the hook after-update failed: exit code 4",
    );
    expect(changing(opened.driver)).to.include("setRestartPolicy unless-stopped");
  });

  it("run on-failure after the way back, with the cause; its own failure is only told", async () => {
    await placeAll();
    await place("on-failure", "exit 9");
    const opened = await openSwitch();
    opened.driver.newServer = healthy({ status: "degraded" });
    await opened.run();
    const verdict = await opened.verdict();
    expect(verdict).to.include({ outcome: "reverted" });
    expect(await ran()).to.deep.equal(["before-update ", "on-failure reverted"]);
    const facts = await factsOf("on-failure");
    expect(facts).to.include({ CHATALOT_STEP: "J9", CHATALOT_TO_COMMIT: NEW_COMMIT });
    expect(facts["CHATALOT_CAUSE"]).to.contain("degraded");
    expect(verdict?.hooks?.map(({ hook, problem }) => [hook, problem])).to.deep.equal([
      ["before-update", undefined],
      ["on-failure", "exit code 9"],
    ]);
    expect((await lastRecord())?.outcome).to.equal("reverted");
  });

  it("run on-failure where a person is needed", async () => {
    await placeAll();
    const opened = await openSwitch();
    opened.driver.newServer = healthy({ status: "degraded" });
    opened.driver.broken.add("stopServer");
    for (let starts = 0; starts < 10 && (await opened.verdict()) === undefined; starts += 1)
      await opened.run().catch(() => undefined);
    expect(await opened.verdict()).to.include({ outcome: "needs-operator" });
    expect(await ran()).to.deep.equal(["before-update ", "on-failure needs-operator"]);
  });

  it("don't run where J1 already finds that it can't work", async () => {
    await placeAll();
    const refused = await openSwitch();
    refused.driver.images.clear();
    await refused.run();
    expect(await refused.verdict()).to.include({ outcome: "untouched" });
    expect(await ran()).to.deep.equal([]);
  });

  it("don't run at a first deployment", async () => {
    await placeAll();
    const opened = await openSwitch(null);
    opened.driver.currentDatabase = undefined;
    opened.driver.databaseInVolume = { identity: DATABASE, applied: applied(1, 2) };
    await opened.run();
    expect(await opened.verdict()).to.include({ outcome: "done" });
    expect(await ran()).to.deep.equal([]);
  });

  it("stop the update in J1 where one of them may not be run by root", async () => {
    await placeAll();
    await place("on-failure", "", 0o722);
    const opened = await openSwitch();
    await opened.run();
    const verdict = await opened.verdict();
    expect(verdict).to.include({ outcome: "untouched" });
    expect(verdict?.cause).to.contain("hooks/on-failure can be written to by others than root");
    expect(opened.driver.calls).to.deep.equal([]);
    expect(await ran()).to.deep.equal([]);
  });

  it("are ended at their time limit, which stops the update untouched", async () => {
    await place("before-update", "sleep 600");
    const opened = await openSwitch();
    const plan = JSON.parse(await readFile(opened.job.paths.request, "utf8")) as {
      target: { hookTimeLimit: number };
    };
    plan.target.hookTimeLimit = 300;
    await writeFile(opened.job.paths.request, JSON.stringify(plan));
    await opened.run();
    expect(await opened.verdict()).to.include({ outcome: "untouched" });
    expect((await opened.verdict())?.cause).to.contain("did not end within 0.3 s");
    expect(changing(opened.driver)).to.deep.equal([]);
  });

  describe("after a kill", () => {
    it("in before-update: it is not run twice, and the update ends untouched", async () => {
      await placeAll();
      const opened = await openSwitch();
      await opened.job.record({ type: "begun", step: "J5b" });
      await opened.job.record({ type: "hook-begun", hook: "before-update" });
      await opened.run();
      const verdict = await opened.verdict();
      expect(verdict).to.include({ outcome: "untouched" });
      expect(verdict?.cause).to.contain("interrupted, and is not run twice");
      expect(await ran()).to.deep.equal(["on-failure untouched"]);
    });

    it("between before-update and the stop: the update goes on, without a second run", async () => {
      await placeAll();
      const opened = await openSwitch();
      await opened.job.record({ type: "begun", step: "J5b" });
      await opened.job.record({ type: "hook-begun", hook: "before-update" });
      await opened.job.record({ type: "hook-ended", hook: "before-update" });
      await opened.run();
      expect(await opened.verdict()).to.include({ outcome: "done" });
      expect(await ran()).to.deep.equal(["after-update done"]);
    });

    it("behind the stop: on-failure runs after the recovered way back", async () => {
      await placeAll();
      const opened = await openSwitch();
      for (const step of ["J1", "J6", "J8"]) await opened.job.record({ type: "begun", step });
      await opened.run();
      expect(await opened.verdict()).to.include({ outcome: "reverted" });
      expect(await ran()).to.deep.equal(["on-failure reverted"]);
    });

    it("in after-update: the update stays committed, and that is told", async () => {
      await placeAll();
      const opened = await openSwitch();
      for (const record of [
        { type: "begun", step: "J9" },
        { type: "committed", serving: previousServing(), durations: { total: 1 } },
        { type: "done", step: "J11" },
        { type: "hook-begun", hook: "after-update" },
      ] as const)
        await opened.job.record(record);
      await opened.run();
      const verdict = await opened.verdict();
      expect(verdict).to.include({ outcome: "done" });
      expect(verdict?.hooks?.[0]?.problem).to.contain("interrupted");
      expect(await ran()).to.deep.equal([]);
    });
  });

  function previousServing() {
    const { serving } = previous;
    if (serving === undefined) throw new Error("the sample serves");
    return serving;
  }
});
