import { chmod, readFile, writeFile } from "node:fs/promises";
import { appendFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { Wire } from "../../provider/codec.ts";
import { deployment } from "../../provider/deployment.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { HookSettings } from "../../settings/parse.ts";
import { TransportError } from "../../transport/index.ts";
import type { Verdict } from "../../updater/protocol.ts";
import { useTemporaryDirectory } from "../updater/temporary.ts";
import { expectColumns } from "./support/columns.ts";
import { FakeServer } from "./support/fake-server.ts";
import {
  COMMIT,
  deploymentInputs,
  listeningContext,
  NEWER,
  reasons,
  servingRecord,
  servingState,
} from "./support/samples.ts";

const OLDS: Wire = { ...deploymentInputs(), instanceId: "instance-a" };

describe("the operator's hooks on this machine", () => {
  const temporary = useTemporaryDirectory();
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    server.state = servingState();
    server.answer = { answer: "started", sequence: 4, instanceId: "instance-a" };
    server.foreseen = { answer: "would-start" };
    ended({});
    await server.arrive();
  });
  afterEach(async () => {
    await server.leave(original);
  });

  function ended(changes: Partial<Verdict>): void {
    const verdict: Verdict = {
      ...{ sequence: 4, kind: "switch", outcome: "done", instanceId: "instance-a" },
      text: "DONE v1.1.0 is serving.",
      durations: { total: 61_240 },
      ...changes,
    };
    server.follow = [{ type: "verdict", verdict }];
  }

  /** A program that notes what it was told, and with which arguments, and then does something. */
  async function program(name: string, then = ""): Promise<string> {
    const path = temporary(name);
    const note = `echo "$CHATALOT_HOOK $CHATALOT_RESULT$*" >> ${temporary("ran")}; env > ${temporary(`env-${name}`)}`;
    await writeFile(path, `#!/bin/sh\n${note}\n${then}\n`);
    await chmod(path, 0o700);
    return path;
  }

  async function all(changes: Partial<HookSettings> = {}): Promise<HookSettings> {
    return {
      beforeUpdate: changes.beforeUpdate ?? [await program("before")],
      afterUpdate: changes.afterUpdate ?? [await program("after")],
      onFailure: changes.onFailure ?? [await program("failure")],
      timeLimit: 50_000,
    };
  }

  const inputs = (hooks: HookSettings | undefined): Wire =>
    deploymentInputs({ release: "v1.1.0", commit: NEWER, hooks });
  const ran = async (): Promise<string[]> =>
    (await readFile(temporary("ran"), "utf8").catch(() => "")).split("\n").filter((l) => l !== "");
  const environment = async (name: string): Promise<Map<string, string>> => {
    const lines = (await readFile(temporary(`env-${name}`), "utf8")).trim().split("\n");
    return new Map(
      lines.map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]),
    );
  };

  async function update(hooks: HookSettings | undefined, context = listeningContext()) {
    const error: unknown = await deployment.update(context, OLDS, inputs(hooks)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { error, context };
  }

  it("run before the job is submitted, and after it is done", async () => {
    const { answer } = server;
    Object.defineProperty(server, "answer", {
      get: () => {
        appendFileSync(temporary("ran"), "submitted\n");
        return answer;
      },
    });
    const { error } = await update(await all());
    expect(error).to.equal(undefined);
    expect(await ran()).to.deep.equal(["beforeUpdate ", "submitted", "afterUpdate done"]);
  });

  it("are told from what to what, and by whom, and get nothing of Pulumi's", async () => {
    process.env.PULUMI_CONFIG_PASSPHRASE = "hidden";
    process.env.OF_THE_OPERATOR = "seen";
    try {
      await update(await all());
    } finally {
      delete process.env.PULUMI_CONFIG_PASSPHRASE;
      delete process.env.OF_THE_OPERATOR;
    }
    const told = Object.fromEntries(await environment("after"));
    expect(told).to.include({
      CHATALOT_HOOK: "afterUpdate",
      CHATALOT_RESULT: "done",
      CHATALOT_JOB: "4",
      CHATALOT_FROM_RELEASE: "v1.0.0",
      CHATALOT_FROM_COMMIT: COMMIT,
      CHATALOT_TO_RELEASE: "v1.1.0",
      CHATALOT_TO_COMMIT: NEWER,
      CHATALOT_PROJECT: "chatalot",
      CHATALOT_DIRECTORY: "/srv/chatalot",
      OF_THE_OPERATOR: "seen",
    });
    expect(Object.keys(told).filter((name) => name.startsWith("PULUMI_"))).to.deep.equal([]);
    const text = await readFile(temporary("env-before"), "utf8");
    for (const secret of ["hidden-value", "proposedPassword", "hidden"])
      expect(text).not.to.contain(secret);
  });

  it("get arguments as they are, whatever a shell would make of them", async () => {
    const hostile = [" $(touch injected)", "; id", "*"];
    const hooks = await all();
    hooks.beforeUpdate = [await program("before"), ...hostile];
    await update(hooks);
    expect((await ran())[0]).to.equal(`beforeUpdate ${hostile.join(" ")}`);
  });

  it("stop the change before anything is submitted where beforeUpdate fails", async () => {
    const before = await program("before", "echo 'not on a Friday'; exit 5");
    const { error } = await update(await all({ beforeUpdate: [before] }));
    expect(error)
      .to.have.property("message")
      .that.matches(/^UNTOUCHED v1\.1\.0 .* was not started; v1\.0\.0 \(1111111\) serves as before/)
      .and.contains("exit code 5: not on a Friday");
    expect(server.requests).to.deep.equal([]);
    expect(await ran()).to.deep.equal(["beforeUpdate ", "onFailure untouched"]);
  });

  it("end at their time limit, which stops the change as well", async () => {
    const before = [await program("before", "sleep 600")];
    const { error } = await update({ beforeUpdate: before, timeLimit: 300 });
    expect(error).to.have.property("message").that.contains("did not end within 0.3 s");
    expect(server.requests).to.deep.equal([]);
  });

  for (const outcome of ["untouched", "reverted", "needs-operator"] as const)
    it(`run onFailure, and not afterUpdate, where the job ended as "${outcome}"`, async () => {
      ended({ outcome, text: `${outcome.toUpperCase()} it did.`, cause: "it panics\nmore" });
      const { error } = await update(await all());
      expect(error).to.have.property("message", `${outcome.toUpperCase()} it did.`);
      expect(await ran()).to.deep.equal(["beforeUpdate ", `onFailure ${outcome}`]);
      const told = Object.fromEntries(await environment("failure"));
      expect(told).to.include({ CHATALOT_CAUSE: "it panics", CHATALOT_JOB: "4" });
    });

  it("run onFailure where the server refuses what it would have begun a moment before", async () => {
    server.answer = { answer: "refused", reasons: ["another job is under way"] };
    await update(await all());
    expect(await ran()).to.deep.equal(["beforeUpdate ", "onFailure untouched"]);
  });

  it("only tell that afterUpdate or onFailure failed", async () => {
    const after = await program("after", "exit 6");
    const { error, context } = await update(await all({ afterUpdate: [after] }));
    expect(error).to.equal(undefined);
    expect(context.warnings.join()).to.contain("afterUpdate").and.to.contain("exit code 6");
    ended({ outcome: "reverted", text: "REVERTED" });
    const failure = await program("failure", "exit 8");
    const failed = await update(await all({ onFailure: [failure] }));
    expect(failed.error).to.have.property("message", "REVERTED");
    expect(failed.context.warnings.join()).to.contain("onFailure").and.to.contain("exit code 8");
  });

  it("don't run where nothing is to be done, or the server refuses", async () => {
    server.foreseen = server.answer = {
      answer: "unchanged",
      instanceId: "instance-a",
      serving: servingRecord(),
    };
    expect((await update(await all())).error).to.equal(undefined);
    server.foreseen = server.answer = { answer: "refused", reasons: ["a disk is full"] };
    expect((await update(await all())).error).to.have.property("message", "a disk is full");
    expect(await ran()).to.deep.equal([]);
  });

  it("run only those behind it for a job that runs already", async () => {
    server.foreseen = server.answer = {
      answer: "attached",
      sequence: 4,
      instanceId: "instance-a",
    };
    await update(await all());
    expect(await ran()).to.deep.equal(["afterUpdate done"]);
  });

  it("don't run at a first deployment", async () => {
    server.state = servingState();
    delete server.state.serving;
    await deployment.create(listeningContext(), inputs(await all()));
    expect(await ran()).to.deep.equal([]);
    expect(server.commands).not.to.include("ask whether anything is to be done");
  });

  it("don't ask the server where there are none", async () => {
    await update({ timeLimit: 300_000 });
    await update(undefined);
    expect(server.commands).not.to.include("ask whether anything is to be done");
    expect(server.requests[0]).to.include({ hookTimeLimit: 300_000 });
  });

  it("say that none was run where the end of the update is not known here", async () => {
    server.follow = [];
    server.followFailure = new TransportError("was interrupted", "canceled");
    const { error, context } = await update(await all());
    expect(error).to.have.property("message").that.contains("goes on at the server");
    expect(await ran()).to.deep.equal(["beforeUpdate "]);
    expect(context.told.join("\n")).to.contain("neither afterUpdate nor onFailure was run");
  });

  it("say the same where the answer to the submission does not arrive", async () => {
    server.submitFailures = [new TransportError("submit the job: canceled", "canceled")];
    const { error, context } = await update(await all());
    expect(error).to.have.property("message").that.contains("may have begun at the server");
    expect(await ran()).to.deep.equal(["beforeUpdate "]);
    expect(context.told.join("\n")).to.contain("neither afterUpdate nor onFailure was run");
  });

  it("change nothing where beforeUpdate is interrupted", async () => {
    const context = listeningContext();
    const before = [await program("before", "sleep 600")];
    const hooks = await all({ beforeUpdate: before });
    const updating = update(hooks, context);
    while ((await ran()).length === 0) await sleep(20);
    context.interrupt();
    const { error } = await updating;
    expect(error).to.have.property("message").that.contains("it was interrupted");
    expect(server.requests).to.deep.equal([]);
    expect(await ran()).to.deep.equal(["beforeUpdate ", "onFailure untouched"]);
  });

  it("of the server are told where they failed, unless they are the cause themselves", async () => {
    ended({ hooks: [{ hook: "after-update", milliseconds: 5, problem: "exit code 4" }] });
    expect((await update(undefined)).context.warnings.join()).to.contain(
      "The server's hook after-update failed, which changes nothing else: exit code 4",
    );
    const hooks = [{ hook: "before-update" as const, milliseconds: 5, problem: "exit code 7" }];
    ended({ outcome: "untouched", text: "UNTOUCHED. Cause: exit code 7", hooks });
    expect((await update(undefined)).context.warnings).to.deep.equal([]);
  });

  describe("in a preview", () => {
    async function check(news: Wire, olds: Wire = OLDS) {
      const context = listeningContext();
      const checked = await deployment.check(context, olds, news);
      return { checked, context, hooks: context.told.filter((line) => line.startsWith("HOOKS")) };
    }

    it("are named, on both sides, where something is to be done", async () => {
      server.state = servingState({
        hooks: { names: ["before-update", "on-failure"], problems: [], ignored: ["after_update"] },
      });
      const hooks = await all();
      hooks.beforeUpdate = [await program("before"), "argument"];
      const { hooks: told, context } = await check(inputs(hooks));
      expect(told).to.have.length(1);
      expectColumns(told);
      expect(told[0]?.replaceAll(/\s+/g, " "))
        .to.contain(`on this machine beforeUpdate (${temporary("before")}), afterUpdate`)
        .and.to.contain("on the server before-update, on-failure")
        .and.not.to.contain("argument");
      expect(context.warnings.join()).to.contain("after_update");
      expect(await ran()).to.deep.equal([]);
    });

    it("are not named, and ask for no change, where nothing is to be done", async () => {
      const hooks = await all();
      server.state = servingState({ hooks: { names: ["on-failure"], problems: [], ignored: [] } });
      const news = deploymentInputs({ hooks });
      const { checked, hooks: told } = await check(news);
      expect(told).to.deep.equal([]);
      expect(checked.refusals).to.deep.equal([]);
      expect(deployment.diff(OLDS, { ...news, ...checked.additions })).to.equal(false);
    });

    it("are named for a drift that is to be mended", async () => {
      server.state = servingState({ drift: ["the server is exited"] });
      expect((await check(deploymentInputs({ hooks: await all() }))).hooks).to.have.length(1);
    });

    it("refuse what can't be run, each with what mends it", async () => {
      await writeFile(temporary("plain"), "");
      server.state = servingState({
        hooks: { names: ["before-update"], problems: ["x/before-update is a link"], ignored: [] },
      });
      const { checked } = await check(
        inputs({
          beforeUpdate: [temporary("gone")],
          afterUpdate: ["no-program-of-this-name"],
          onFailure: [temporary("plain")],
          timeLimit: 1_000,
        }),
      );
      const found = reasons(checked);
      expect(found).to.have.length(4);
      expect(found[0]).to.contain(`there is no file ${temporary("gone")}`);
      expect(found[1]).to.contain("there is no program no-program-of-this-name in any folder");
      expect(found[2]).to.contain(`${basename(temporary("plain"))} is not executable`);
      expect(found[2]).to.contain("pulumi config rm --path hooks.onFailure");
      expect(found[3])
        .to.contain("x/before-update is a link")
        .and.to.contain("Nothing was changed");
    });

    it("take a program by its name from PATH", async () => {
      const { checked } = await check(inputs({ beforeUpdate: ["true"], timeLimit: 1_000 }));
      expect(checked.refusals).to.deep.equal([]);
    });
  });
});
