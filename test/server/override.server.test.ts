import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { atNight } from "./support/at-night.ts";
import { cleanServer, chatUrl, DIRECTORY, operatorOf } from "./support/fixture.ts";
import {
  containerOf,
  healthOf,
  numberOfJobs,
  runningSince,
  SERVER,
  shell,
  untilHealthy,
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
    stop_signal: SIGKILL
`;

/** Besides these: one service that is made to run once, one that can't run, and one with an image of its own. */
const withServices = (image: string): string => `${OVERRIDE}  once:
    image: postgres:17
    entrypoint: ["true"]
    restart: "no"
    network_mode: none
  broken:
    image: postgres:17
    entrypoint: ["/nowhere"]
    restart: "no"
    network_mode: none
  bridge:
    image: ${image}
    entrypoint: ["sleep", "1000000"]
    stop_signal: SIGKILL
    network_mode: none
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
      () =>
        demo &&
        shell(demo, "docker rmi --force cloudflare/cloudflared:latest bridge:1 bridge:2; exit 0"),
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
    // The server was left as it was, with the keys of an earlier job's folder: it needs them at each start.
    await shell(demo, 'docker restart "$1"', SERVER);
    await untilHealthy(chatUrl(demo));
    await expectMerged();
  });

  it("is no reason to fail for an update where a service of it has ended or could not run before", async () => {
    await shell(demo, "docker tag postgres:17 bridge:1");
    await shell(demo, 'printf %s "$3" > "$1/$2"', DIRECTORY, NAME, withServices("bridge:1"));
    await shell(demo, 'cd "$1"; docker compose up -d broken || exit 0', DIRECTORY);
    await operator.configure({ release: "v1.1.0" });

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE v1.1.0");
    await expectMerged();
    const states = await statesOfServices("once", "broken", "bridge");
    expect(states).to.deep.equal(["exited 0", "created 127", "running 0"]);
    expect(await newestLog())
      .to.contain("broken does not run")
      .and.not.to.contain("once does not");
  });

  atNight(
    "is no reason either for an update that is taken back to leave the chat down",
    async () => {
      // With another image of a service, and the name gone by which the one before would be made again.
      await shell(demo, "docker tag postgres:17 bridge:2; docker rmi bridge:1");
      await shell(demo, 'printf %s "$3" > "$1/$2"', DIRECTORY, NAME, withServices("bridge:2"));
      await operator.configure({ release: "v1.1.1-memory-hungry" });

      const { exitCode, output } = await operator.up("--skip-preview");

      expect(exitCode, output).not.to.equal(0);
      expect(output).to.contain("REVERTED v1.1.0").and.not.to.contain("NEEDS YOU");
      await expectMerged();
      expect(await newestLog())
        .to.match(/"R3".*broken does not run/)
        .and.to.match(/bridge:1 names the image again that it named before/);
      expect(await statesOfServices("bridge")).to.deep.equal(["running 0"]);
    },
  );

  async function statesOfServices(...services: string[]): Promise<string[]> {
    const script = `for service in "$@"; do
        docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' \\
          $(docker ps --all --quiet --filter "label=com.docker.compose.service=$service")
      done`;
    return (await shell(demo, script, ...services)).split("\n");
  }

  /** What the newest job told. */
  async function newestLog(): Promise<string> {
    return shell(demo, `cat "$(ls -d ${DIRECTORY}/.deploy/jobs/*/ | tail -n 1)/progress.log"`);
  }

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
