import { connect } from "node:net";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { startProber } from "../support/prober.ts";
import { chatUrl, cleanServer, sampleRepository } from "./support/fixture.ts";
import {
  COMMIT_LABEL,
  healthOf,
  numberOfJobs,
  query,
  runningSince,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import { OperatorOnServer } from "./support/operator-on-server.ts";
import { takeBack } from "./support/take-back.ts";

describe("this machine, without a server in the settings", () => {
  let demo: DemoServer;
  let operator: OperatorOnServer;
  let url: string;
  let tags: Readonly<Record<string, string>>;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    tags = (await sampleRepository()).tags;
    operator = await OperatorOnServer.arrive(demo);
    await shell(demo, "systemctl stop ssh.socket ssh.service 2>/dev/null || systemctl stop ssh");
  });
  after(() =>
    takeBack(
      () => demo && shell(demo, "systemctl start ssh"),
      () => operator?.leave(),
    ),
  );

  it("deploys while nothing answers to SSH", async () => {
    expect(await answers(demo.address, 22), "sshd is stopped").to.equal(false);
    await operator.configure({ release: "v1.0.0" });

    const { exitCode, output } = await operator.up();

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE v1.0.0");
    expect(await answers(demo.address, 22), "sshd is stopped").to.equal(false);
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await webVersion(url)).to.equal("1.0.0");
    const { labels, restartPolicy } = await theContainer(demo, SERVER);
    expect(labels[COMMIT_LABEL]).to.equal(tags["v1.0.0"]);
    expect(restartPolicy).to.equal("unless-stopped");
  });

  it("changes nothing when nothing is changed", async () => {
    const before = { running: await runningSince(demo), jobs: await numberOfJobs(demo) };

    const { exitCode, output } = await operator.up();

    expect(exitCode, output).to.equal(0);
    expect(output)
      .to.match(/\d+ unchanged/)
      .and.not.match(/\d+ (created|updated|changed|replaced)/);
    expect({ running: await runningSince(demo), jobs: await numberOfJobs(demo) }).to.deep.equal(
      before,
    );
  });

  it("updates and loses no message", async () => {
    await operator.configure({ release: "v1.0.1" });
    const prober = startProber({ baseUrl: url });

    const { exitCode, output } = await operator.up();
    const seen = await prober.stop();

    expect(exitCode, output).to.equal(0);
    expect(await webVersion(url)).to.equal("1.0.1");
    expect((await theContainer(demo, SERVER)).labels[COMMIT_LABEL]).to.equal(tags["v1.0.1"]);
    expect(seen.acknowledgedMarkers).to.not.be.empty;
    expect(await prober.missingMarkers()).to.deep.equal([]);
    const rows = await query(demo, "SELECT text FROM messages");
    expect(rows).to.include.members([...seen.acknowledgedMarkers]);
  });

  it("tells its status, and that something is wrong with exit code 1", async () => {
    const good = await operator.chatalot("status", "--check");
    expect(good.exitCode, good.output).to.equal(0);

    await shell(demo, 'docker stop "$1"', SERVER);
    const bad = await operator.chatalot("status", "--check");
    await shell(demo, 'docker start "$1"', SERVER);

    expect(bad.exitCode, bad.output).to.equal(1);
  });
});

/** Whether a port takes connections. */
function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5_000 });
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}
