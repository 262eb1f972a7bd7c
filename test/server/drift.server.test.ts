import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { runningSince, SERVER, shell, theContainer } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

const OVERRIDE = "services:\n  chatalot:\n    labels:\n      traefik.enable: 'true'\n";

describe("drift", () => {
  let demo: DemoServer;
  let operator: Operator;

  before(async () => {
    demo = await cleanServer();
    await shell(demo, 'mkdir -p -m 755 "$1"', DIRECTORY);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
  });
  after(() => operator?.leave());

  it("is not there after an update, nor after Compose's own up in the directory", async () => {
    const before = await runningSince(demo);
    await shell(demo, 'cd "$1"; docker compose up -d', DIRECTORY);
    expect(await runningSince(demo)).to.deep.equal(before);
    expect(await drift()).to.deep.equal([]);
  });

  it("names what was changed by hand, and up mends ours and keeps the operator's", async () => {
    await shell(
      demo,
      'cd "$1"; cp .env mine; echo MINE=1 >> mine; mv mine .env; ' +
        'printf %s "$2" > docker-compose.override.yml; docker stop chatalot-db',
      ...[DIRECTORY, OVERRIDE],
    );
    const found = (await drift()).join("\n");
    expect(found).to.contain(".env was replaced by a file of your own");
    expect(found).to.contain("docker-compose.override.yml was added");
    expect(found).to.contain("postgres is exited");

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(await drift()).to.deep.equal([]);
    expect((await theContainer(demo, SERVER)).labels["traefik.enable"]).to.equal("true");
    expect(await shell(demo, 'cat "$1"/.env.edited-*', DIRECTORY)).to.contain("MINE=1");
    expect(await shell(demo, 'cat "$1/docker-compose.override.yml"', DIRECTORY)).to.equal(
      OVERRIDE.trim(),
    );
  });

  /** What the updater on the server reads, asked past Pulumi. */
  async function drift(): Promise<string[]> {
    const request = `{"directory":"${DIRECTORY}","project":"chatalot","volumes":[]}`;
    const answer = await shell(
      demo,
      'printf %s "$2" | "$1/.deploy/runner-node" "$1/.deploy/runner-updater" inspect',
      ...[DIRECTORY, request],
    );
    return (JSON.parse(answer) as { drift: string[] }).drift;
  }
});
