import { execa } from "execa";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { startProber } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import {
  chatUrl,
  cleanServer,
  DIRECTORY,
  operatorOf,
  sampleRepository,
} from "./support/fixture.ts";
import { holdJobsAt, jobAt, killJob, letJobsRun } from "./support/job-control.ts";
import {
  COMMIT_LABEL,
  ledgerOf,
  numberOfJobs,
  runningSince,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const HOOKS = `${DIRECTORY}/hooks`;

/** Outside of the directory, so that nothing of the tool's could have written it. */
const TRACE = "/root/hook-trace";

const SERVER_HOOKS = ["before-update", "after-update", "on-failure"] as const;
const MACHINE_HOOKS = ["beforeUpdate", "afterUpdate", "onFailure"] as const;

describe("hooks", () => {
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  let tags: Readonly<Record<string, string>>;
  /** Of the operator, on this machine. */
  let folder: string;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    tags = (await sampleRepository()).tags;
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-hooks-"));
    operator = await operatorOf(demo);
    await shell(demo, 'mkdir -p -m 755 "$1" "$2"; rm -rf "$3"', DIRECTORY, HOOKS, TRACE);
    for (const name of SERVER_HOOKS) await placeOnServer(name);
    for (const name of MACHINE_HOOKS) await placeHere(name);
    await operator.configure({ release: "v1.0.0", "health.timeout": "10 seconds" });
    await operator.configure(hooksHere());
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
  });
  after(() =>
    takeBack(
      () => operator?.leave(),
      () => folder && rm(folder, { recursive: true, force: true }),
    ),
  );

  it("don't run at a first deployment, and not where nothing is to be done", async () => {
    const running = await runningSince(demo);
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await ran()).to.deep.equal({ here: [], there: [] });
    expect(await runningSince(demo)).to.deep.equal(running);
  });

  it("are named in the preview, on both sides, and don't run in it", async () => {
    await operator.configure({ release: "v1.0.1" });
    const jobs = await numberOfJobs(demo);

    const { exitCode, output } = await operator.preview();

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("HOOKS").and.to.contain(join(folder, "beforeUpdate"));
    expect(output.replaceAll(/\s+/g, " ")).to.contain(
      "on the server before-update, after-update, on-failure",
    );
    expect(await ran()).to.deep.equal({ here: [], there: [] });
    expect(await numberOfJobs(demo)).to.equal(jobs);
  });

  it("leave the chat untouched where the one on this machine says no", async () => {
    await placeHere("beforeUpdate", "echo 'not on a Friday'; exit 5");

    const output = await expectUntouched();

    expect(output).to.contain("exit code 5: not on a Friday");
    expect(await ran()).to.deep.equal({
      here: ["beforeUpdate  $(touch injected)", "onFailure untouched $(touch injected)"],
      there: [],
    });
    expect((await ledgerOf(demo)).at(-1)).to.include({ kind: "prepare" });
    await placeHere("beforeUpdate");
  });

  it("leave the chat untouched where the one on the server says no, which the ledger keeps", async () => {
    await placeOnServer("before-update", "printf '\\033[31ma call is going on\\033[0m\\n'; exit 7");

    const output = await expectUntouched();

    expect(output).to.contain("exit code 7: a call is going on").and.not.to.contain("\u001b[31ma");
    expect((await ran()).there).to.deep.equal(["before-update ", "on-failure untouched"]);
    expect((await ran()).here).to.include("onFailure untouched $(touch injected)");
    expect((await ledgerOf(demo)).at(-1)).to.include({ kind: "switch", outcome: "untouched" });
    const ledger = await shell(demo, `tail -n 1 ${DIRECTORY}/.deploy/ledger`);
    expect(ledger).to.contain('"hook":"before-update"').and.to.contain("a call is going on");
    const { output: status } = await operator.chatalot("status");
    expect(status).to.match(/^Hooks +before-update failed in job \d+: exit code 7: a call/m);
  });

  atNight("leave the chat untouched at their time limit, and nothing of them runs on", async () => {
    await operator.configure({ "hooks.timeLimit": "3 seconds" });
    await placeOnServer("before-update", "sleep 86399 & sleep 86399");

    const output = await expectUntouched();

    expect(output).to.contain("did not end within 3.0 s and was killed");
    expect(await shell(demo, "pgrep --full --count '^sleep 86399' || true")).to.equal("0");
    await operator.configure({ "hooks.timeLimit": "1 minute" });
  });

  it("are not run twice where the job is killed in the middle of one", async () => {
    await placeOnServer("before-update", `touch ${TRACE}/waits; sleep 86398`);
    const running = await runningSince(demo);
    const updating = operator.start("up", "--yes", "--non-interactive", "--skip-preview");
    await shell(
      demo,
      `for try in $(seq 5000); do test -e ${TRACE}/waits && exit 0; sleep 0.1; done; exit 1`,
    );

    await killJob(demo);

    const { exitCode, all } = await updating;
    expect(exitCode, all).to.not.equal(0);
    expect(all).to.contain("UNTOUCHED v1.0.1").and.to.contain("is not run twice");
    expect((await ran()).there).to.deep.equal(["before-update ", "on-failure untouched"]);
    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await webVersion(url)).to.equal("1.0.0");
    expect(await shell(demo, "pgrep --full --count '^sleep 86398' || true")).to.equal("0");
    await placeOnServer("before-update");
  });

  it("run around an update, with the right facts and no secret; a failing after-hook takes nothing back", async () => {
    await forget();
    await placeOnServer("after-update", "echo 'the channel is away' >&2; exit 4");
    const before = (await theContainer(demo, SERVER)).labels[COMMIT_LABEL];

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE v1.0.1");
    expect(output).to.match(/hook after-update failed.*exit code 4: the channel is away/);
    expect(await webVersion(url)).to.equal("1.0.1");
    const last = (await ledgerOf(demo)).at(-1);
    expect(last).to.include({ outcome: "done" });
    expect(await ran()).to.deep.equal({
      here: ["beforeUpdate  $(touch injected)", "afterUpdate done $(touch injected)"],
      there: ["before-update ", "after-update done"],
    });
    const after = (await theContainer(demo, SERVER)).labels[COMMIT_LABEL];
    for (const facts of [await factsOnServer("after-update"), await factsHere("afterUpdate")])
      expect(facts).to.include({
        CHATALOT_JOB: String(last?.sequence),
        CHATALOT_FROM_RELEASE: "v1.0.0",
        CHATALOT_FROM_COMMIT: before,
        CHATALOT_TO_RELEASE: "v1.0.1",
        CHATALOT_TO_COMMIT: after,
      });
    const { CHATALOT_BACKUP: backup = "" } = await factsOnServer("before-update");
    expect(backup).not.to.equal("");
    await shell(demo, 'test -s "$1/backups/$2/database.dump"', DIRECTORY, backup);
    await expectNoSecret();
    await placeOnServer("after-update");
  });

  atNight("run for changed settings as well", async () => {
    await forget();
    await operator.configure({ "env.RUST_LOG": "debug" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect((await ran()).there).to.deep.equal(["before-update ", "after-update done"]);
    const facts = await factsOnServer("after-update");
    expect(facts["CHATALOT_FROM_COMMIT"]).to.equal(tags["v1.0.1"]);
    expect(facts["CHATALOT_TO_COMMIT"]).to.equal(tags["v1.0.1"]);
  });

  atNight("don't run where another stack asks for what serves already", async () => {
    await forget();
    const running = await runningSince(demo);
    const other = await operatorOf(demo);
    try {
      await other.configure({ release: "v1.0.1", "env.RUST_LOG": "debug" });
      await other.configure({ ...hooksHere(), "health.timeout": "10 seconds" });
      const { exitCode, output } = await other.up("--skip-preview");
      expect(exitCode, output).to.equal(0);
      expect(output).to.contain("the server already is as asked");
    } finally {
      await other.leave();
    }
    expect(await ran()).to.deep.equal({ here: [], there: [] });
    expect(await runningSince(demo)).to.deep.equal(running);
  });

  it("run on-failure after a bad release was taken back", async () => {
    await forget();
    await operator.configure({ release: "v1.0.2-degraded" });

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.not.equal(0);
    expect(output).to.contain("REVERTED v1.0.1").and.not.to.contain("DONE v");
    expect(await webVersion(url)).to.equal("1.0.1");
    expect(await ran()).to.deep.equal({
      here: ["beforeUpdate  $(touch injected)", "onFailure reverted $(touch injected)"],
      there: ["before-update ", "on-failure reverted"],
    });
    for (const facts of [await factsOnServer("on-failure"), await factsHere("onFailure")]) {
      expect(facts).to.include({
        CHATALOT_FROM_COMMIT: tags["v1.0.1"],
        CHATALOT_TO_COMMIT: tags["v1.0.2-degraded"],
      });
      expect(facts["CHATALOT_CAUSE"]).to.contain("degraded");
    }
  });

  atNight(
    "run on-failure after a way back that the server took by itself, behind a kill",
    async () => {
      await forget();
      await operator.configure({ release: "v1.0.1", "env.RUST_LOG": "warn" });
      await holdJobsAt(demo, "J9");
      const updating = operator.start("up", "--yes", "--non-interactive", "--skip-preview");
      await jobAt(demo, "J9");
      await letJobsRun(demo);

      await killJob(demo);

      const { exitCode, all } = await updating;
      expect(exitCode, all).to.not.equal(0);
      expect(all).to.contain("REVERTED v1.0.1");
      expect(await ran()).to.deep.equal({
        here: ["beforeUpdate  $(touch injected)", "onFailure reverted $(touch injected)"],
        there: ["before-update ", "on-failure reverted"],
      });
      const { CHATALOT_STEP: step, CHATALOT_CAUSE: cause } = await factsOnServer("on-failure");
      expect({ step, cause }).to.deep.equal({
        step: "J9",
        cause: "the update was interrupted at step J9",
      });
    },
  );

  it("are refused in preview and up where root may not run them, with nothing touched", async () => {
    await shell(demo, 'chmod 777 "$1/on-failure"', HOOKS);
    await operator.configure({ release: "v1.0.1", "env.RUST_LOG": "info" });
    const [running, jobs] = [await runningSince(demo), await numberOfJobs(demo)];

    for (const { exitCode, output } of [
      await operator.preview(),
      await operator.up("--skip-preview"),
    ]) {
      expect(exitCode, output).to.not.equal(0);
      expect(output).to.contain(`${HOOKS}/on-failure can be written to by others than root`);
    }

    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await numberOfJobs(demo)).to.equal(jobs);
  });

  /** The settings; the argument is what a shell would run. */
  function hooksHere(): Record<string, string> {
    const settings = MACHINE_HOOKS.flatMap((name) => [
      [`hooks.${name}[0]`, join(folder, name)],
      [`hooks.${name}[1]`, "$(touch injected)"],
    ]);
    return Object.fromEntries(settings) as Record<string, string>;
  }

  /** An update to v1.0.1 that ends before anything is touched. */
  async function expectUntouched(): Promise<string> {
    await forget();
    const running = await runningSince(demo);
    const prober = startProber({ baseUrl: url });
    const { exitCode, output } = await operator.up("--skip-preview");
    const seen = await prober.stop();
    expect(exitCode, output).to.not.equal(0);
    expect(output).to.match(/UNTOUCHED v1\.0\.1 .* v1\.0\.0 \([0-9a-f]{7}\) serves as before/);
    expect(output).to.not.contain("DONE v");
    expect(seen.acknowledgedMarkers).to.not.be.empty;
    expect(seen.failedRequests).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await webVersion(url)).to.equal("1.0.0");
    expect((await theContainer(demo, SERVER)).labels[COMMIT_LABEL]).to.equal(tags["v1.0.0"]);
    return output;
  }

  /** Notes that it ran, and everything that it was told. */
  function program(trace: string, name: string, then: string): string {
    return (
      `#!/bin/sh\nmkdir -p ${trace}\necho "$CHATALOT_HOOK $CHATALOT_RESULT$*" >> ${trace}/ran\n` +
      `env > ${trace}/${name}\n${then}\n`
    );
  }

  async function placeOnServer(name: (typeof SERVER_HOOKS)[number], then = ""): Promise<void> {
    const text = program(TRACE, name, then);
    await shell(
      demo,
      'printf %s "$3" > "$1/$2"; chmod 700 "$1/$2"; rm -rf "$4"',
      ...[HOOKS, name, text, TRACE],
    );
  }

  async function placeHere(name: (typeof MACHINE_HOOKS)[number], then = ""): Promise<void> {
    const path = join(folder, name);
    await writeFile(
      path,
      program(join(folder, "trace"), name, then).replace("RESULT$*", "RESULT $*"),
    );
    await chmod(path, 0o700);
    await rm(join(folder, "trace"), { recursive: true, force: true });
  }

  async function forget(): Promise<void> {
    await shell(demo, 'rm -rf "$1"', TRACE);
    await rm(join(folder, "trace"), { recursive: true, force: true });
  }

  async function ran(): Promise<{ here: string[]; there: string[] }> {
    const here = await readFile(join(folder, "trace", "ran"), "utf8").catch(() => "");
    const there = await shell(demo, 'cat "$1/ran" 2>/dev/null || true', TRACE);
    const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
    return { here: lines(here), there: lines(there) };
  }

  function factsOf(text: string): Record<string, string> {
    return Object.fromEntries(
      text.split("\n").map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]),
    );
  }

  async function factsOnServer(name: string): Promise<Record<string, string>> {
    return factsOf(await shell(demo, 'cat "$1/$2"', TRACE, name));
  }

  async function factsHere(name: string): Promise<Record<string, string>> {
    return factsOf(await readFile(join(folder, "trace", name), "utf8"));
  }

  /** Neither the instance's secrets nor the passphrase of the state. */
  async function expectNoSecret(): Promise<void> {
    const secrets = Object.values(
      JSON.parse(await shell(demo, `cat ${DIRECTORY}/.deploy/secrets.json`)) as object,
    ).filter((value): value is string => typeof value === "string" && value.length > 8);
    expect(secrets).to.not.be.empty;
    const { stdout: here } = await execa("cat", [
      join(folder, "trace", "beforeUpdate"),
      join(folder, "trace", "afterUpdate"),
    ]);
    const there = await shell(demo, 'cat "$1"/*-update', TRACE);
    for (const secret of [...secrets, "a passphrase of the tests"])
      expect(`${here}${there}`).to.not.contain(secret.split("\n")[1] ?? secret);
  }
});
