import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { bootServer, type DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { secondServerOf } from "../support/server-names.ts";
import { chatUrl, clean, DIRECTORY, servingChat } from "./support/fixture.ts";
import { healthOf, runningSince, shell, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

describe("npx chatalot move", function () {
  this.timeout(600_000);
  let old: DemoServer;
  let next: DemoServer;
  let operator: Operator;
  let upload = "";
  let keys = "";

  before(async () => {
    next = await bootServer({ name: secondServerOf(), report: () => undefined });
    await clean(next);
    ({ demo: old, operator } = await servingChat("v1.1.0", {
      "backup.schedule": "*-*-* 03:30 Europe/Berlin",
    }));
    expect(await writeMarker(chatUrl(old), "before the move")).to.equal(true);
    const response = await fetch(`${chatUrl(old)}/api/files?name=file.txt`, {
      method: "POST",
      body: "an upload",
    });
    upload = ((await response.json()) as { id: string }).id;
    keys = await shell(old, `sha256sum ${DIRECTORY}/.deploy/secrets.json`);
  });
  after(() =>
    takeBack(
      () => next?.destroy(),
      () => operator?.leave(),
    ),
  );

  it("asks, and stops nothing without an answer", async () => {
    const since = await runningSince(old);
    const { exitCode, output } = await operator.chatalot("move", target(next), ...flags(next));
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain('Add "--yes"');
    expect(await runningSince(old)).to.deep.equal(since);
  });

  it("refuses a server that can't take it, while the chat serves", async () => {
    const since = await runningSince(old);
    const same = await operator.chatalot("move", target(old), ...flags(old), "--yes");
    expect(same.exitCode, same.output).to.equal(1);
    expect(same.output).to.contain("is the server that the chat is on");
    await shell(
      next,
      "touch $(docker volume inspect --format '{{.Mountpoint}}' $(docker volume create $1))/data",
      "chatalot_postgres_data",
    );
    const taken = await operator.chatalot("move", target(next), ...flags(next), "--yes");
    expect(taken.exitCode, taken.output).to.equal(1);
    expect(taken.output).to.contain("is not empty: data in the volume chatalot_postgres_data");
    await clean(next);
    expect(await runningSince(old)).to.deep.equal(since);
  });

  it("starts the chat again where the backup can't be brought here, with nothing lost", async () => {
    const { exitCode, output } = await operator.chatalot(
      ...["move", target(next), ...flags(next), "--yes", "--folder", "/dev/null/nowhere"],
    );
    expect(exitCode, output).to.equal(1);
    expect(output)
      .to.contain("STOPPED")
      .and.to.contain("The backup can't be put into /dev/null/nowhere")
      .and.to.contain("The chat serves again on");
    expect(await healthOf(chatUrl(old))).to.include({ status: "ok", db_healthy: true });
    expect(await readMessages(chatUrl(old))).to.deep.equal(["before the move"]);
    await expectNothingToDo();
  });

  it("brings everything to the new server, and leaves nothing running on the old one", async () => {
    expect(await writeMarker(chatUrl(old), "the last words here")).to.equal(true);
    const folder = join(operator.folder, "moved");

    const { exitCode, output } = await operator.chatalot(
      ...["move", target(next), ...flags(next), "--yes", "--folder", folder],
    );

    expect(exitCode, output).to.equal(0);
    expect(output)
      .to.match(/MOVE +v1\.1\.0/)
      .and.to.match(/MOVED +/);
    const url = chatUrl(next);
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await webVersion(url)).to.equal("1.1.0");
    expect(await readMessages(url)).to.deep.equal(["before the move", "the last words here"]);
    const file = await fetch(`${url}/api/files/${upload}`);
    expect(await file.text()).to.equal("an upload");
    expect(await shell(next, `sha256sum ${DIRECTORY}/.deploy/secrets.json`)).to.equal(keys);
    expect(await timers(next)).to.contain("chatalot-deploy-backup");

    expect(await shell(old, "docker ps --all --quiet")).to.equal("");
    expect(await timers(old)).to.equal("");
    const left = await shell(old, "docker volume ls --quiet");
    expect(left.split("\n")).to.include.members([
      "chatalot_postgres_data",
      "chatalot_file_storage",
    ]);
    expect(await shell(old, `ls ${DIRECTORY}/backups`)).not.to.equal("");
  });

  it("has a stack for the new server, whose next run does nothing", async () => {
    const stack = await readFile(join(operator.folder, "Pulumi.test.yaml"), "utf8");
    expect(stack).to.contain(`port: ${next.port}`).and.not.to.contain("rollback");
    await expectNothingToDo();
    const { output } = await operator.mustChatalot("status", "--check");
    expect(output).to.contain("As committed, and healthy.");
  });

  async function expectNothingToDo(): Promise<void> {
    const run = await operator.up("--skip-preview", "--expect-no-changes");
    expect(run.exitCode, run.output).to.equal(0);
  }
});

function target({ user, host, port }: DemoServer): string {
  return `${user}@${host}:${port}`;
}

function flags({ hostKey, identityFile }: DemoServer): string[] {
  return ["--host-key", hostKey, "--identity-file", identityFile];
}

function timers(demo: DemoServer): Promise<string> {
  return shell(demo, "systemctl list-timers --all --plain --no-legend 'chatalot-deploy-*'");
}
