import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { cleanServer, chatUrl, DIRECTORY, operatorOf } from "./support/fixture.ts";
import {
  containerOf,
  healthOf,
  numberOfJobs,
  runningSince,
  SERVER,
  shell,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const TUNNEL = "chatalot-tunnel";
const NAME = "docker-compose.override.yml";

/** What operators put there: another port, labels for a proxy, a limit; a tunnel that does nothing. */
const OVERRIDE = `services:
  chatalot:
    ports:
      - "8090:8080"
    labels:
      traefik.enable: "true"
    deploy:
      resources:
        limits:
          memory: 300M
  cloudflared:
    entrypoint: ["sleep", "1000000"]
    command: []
`;

describe("the operator's docker-compose.override.yml", () => {
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    // No registry can be asked; what it runs is replaced by the override.
    await shell(demo, "docker tag postgres:17 cloudflare/cloudflared:latest");
    await shell(demo, 'mkdir -p -m 755 "$1"; printf %s "$3" > "$1/$2"', DIRECTORY, NAME, OVERRIDE);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0", "profiles[0]": "production" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
  });
  after(() =>
    takeBack(
      () => demo && shell(demo, "docker rmi --force cloudflare/cloudflared:latest"),
      () => operator?.leave(),
    ),
  );

  it("is merged: its port, label, limit and service are there", async () => {
    await expectMerged();
    expect((await containerOf(demo, TUNNEL))?.running).to.equal(true);
  });

  it("is kept by an update and named in its preview; Compose's own up changes nothing", async () => {
    await operator.configure({ release: "v1.0.1" });
    const tunnel = await containerOf(demo, TUNNEL);

    const { output: preview } = await operator.preview();
    const { exitCode, output } = await operator.up("--skip-preview");

    expect(preview).to.contain(`${NAME} kept`).and.to.contain("ports");
    expect(exitCode, output).to.equal(0);
    await expectMerged();
    expect((await containerOf(demo, TUNNEL))?.id).to.equal(tunnel?.id);
    const running = await runningSince(demo);
    await shell(
      demo,
      'cd "$1"; docker compose up -d; docker compose ps; docker compose logs',
      DIRECTORY,
    );
    expect(await runningSince(demo)).to.deep.equal(running);
    expect((await containerOf(demo, TUNNEL))?.id).to.equal(tunnel?.id);
    expect(await shell(demo, 'cat "$1/$2"', DIRECTORY, NAME)).to.equal(OVERRIDE.trim());
  });

  it("is refused in the preview and by up where Compose can't read it, with nothing touched", async () => {
    await shell(demo, 'echo "services: [" > "$1/$2"', DIRECTORY, NAME);
    const running = await runningSince(demo);
    const jobs = await numberOfJobs(demo);

    for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output).to.contain(`${NAME} on the server can't be used`);
    }

    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await numberOfJobs(demo)).to.equal(jobs);
    await shell(demo, 'printf %s "$3" > "$1/$2"', DIRECTORY, NAME, OVERRIDE);
  });

  it("keeps a service only as long as its profile is switched on", async () => {
    await operator.must("config", "rm", "profiles");

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(await containerOf(demo, TUNNEL)).to.equal(undefined);
    await expectMerged();
  });

  async function expectMerged(): Promise<void> {
    expect(await healthOf(`http://${demo.address}:8090`)).to.include({ status: "ok" });
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok" });
    const facts = await shell(
      demo,
      `docker inspect --format '{{.HostConfig.Memory}} {{index .Config.Labels "traefik.enable"}}' "$1"`,
      SERVER,
    );
    expect(facts).to.equal(`${300 * 1024 * 1024} true`);
  }
});
