import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { runnerRule } from "../../common/runner-rule.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { ledgerOf, shell, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { asUser, forgetRunner, installRunner, makeUser, USER } from "./support/runner-user.ts";

describe("a user with one rule of sudo and no other right", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    await makeUser(demo);
    operator = await operatorOf(demo);
    await operator.configure({
      "server.user": USER,
      "server.access": "runner",
      release: "v1.0.0",
    });
  });
  after(async () => {
    await operator?.leave();
    await forgetRunner(demo);
  });

  it("is told what an administrator has to do while there is no runner", async () => {
    for (const run of [await operator.preview(), await operator.chatalot("doctor")]) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.contain(`npx chatalot runner --user ${USER}`);
      expect(run.output).to.contain(runnerRule(USER));
    }
  });

  it("gets the one rule by the script that an administrator runs", async () => {
    const said = await installRunner(demo);
    expect(said).to.contain("The runner answers").and.to.contain("NOPASSWD");
    const { stdout } = await asUser(demo, "sudo -l");
    const rules = stdout.split("\n").filter((line) => /^\s+\(/.test(line));
    expect(rules.map((line) => line.trim())).to.deep.equal([
      '(root) NOPASSWD: /usr/local/sbin/chatalot-deploy-runner ""',
    ]);
    expect((await asUser(demo, "id -Gn")).stdout.trim()).to.equal(USER);
  });

  it("deploys, without a volume in Pulumi's state", async () => {
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.0");
    const volumes = await shell(demo, "docker volume ls --format '{{.Name}}' | sort");
    expect(volumes.split("\n")).to.include.members([
      "chatalot_file_storage",
      "chatalot_postgres_data",
    ]);
    const resources = (await operator.exported()).deployment.resources ?? [];
    expect(resources.filter(({ type }) => /docker/.test(type))).to.be.empty;
  });

  it("changes nothing when nothing is changed, updates, and has what fails taken back", async () => {
    const again = await operator.up("--skip-preview");
    expect(again.exitCode, again.output).to.equal(0);
    await operator.configure({ release: "v1.0.1" });
    const update = await operator.up("--skip-preview");
    expect(update.exitCode, update.output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
    console.log((await ledgerOf(demo)).map((entry) => entry.outcome));
  });

  it("reads status, logs and backups", async () => {
    for (const command of [["status"], ["logs"], ["logs", "--job"], ["history"], ["doctor"], ["backup", "list"]]) {
      const run = await operator.mustChatalot(...command);
      console.log(command, run.output);
    }
    console.log(DIRECTORY);
  });
});
