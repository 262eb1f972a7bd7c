import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { healthOf, runningSince, shell, theContainer, SERVER } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

describe("pulumi destroy", () => {
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  let instance: unknown;
  let secrets: string;
  let volumes: string;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.1" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    ({ instance } = await operator.outputs());
    expect(await writeMarker(url, "from before")).to.equal(true);
    secrets = await allSecrets();
    volumes = await allVolumes();
  });
  after(() => operator?.leave());

  it("fails and leaves everything as it is, because the data are protected", async () => {
    const running = await runningSince(demo);

    const { exitCode, output } = await operator.destroy();

    expect(exitCode, output).to.not.equal(0);
    expect(output).to.match(/protect/);
    expect(await runningSince(demo)).to.deep.equal(running);
    expect(await allVolumes()).to.equal(volumes);
    expect(await healthOf(url)).to.include({ status: "ok" });
  });

  it("removes the containers and leaves data and secrets, told to exclude what is protected", async () => {
    const { exitCode, output } = await operator.destroy("--exclude-protected");

    expect(exitCode, output).to.equal(0);
    expect(await shell(demo, "docker ps --all --quiet")).to.equal("");
    expect(await allVolumes()).to.equal(volumes);
    expect(await allSecrets()).to.equal(secrets);
    const { deployment } = await operator.exported();
    const types = (deployment.resources ?? []).map(({ type }) => type);
    expect(types).to.include("docker:index/volume:Volume");
    expect(types).to.not.include("chatalot:index:Deployment");
  });

  it("lets a new run serve the old messages with the same keys and password", async () => {
    const { exitCode, output } = await operator.up();

    expect(exitCode, output).to.equal(0);
    expect(await readMessages(url)).to.deep.equal(["from before"]);
    expect(await allSecrets()).to.equal(secrets);
    expect(await allVolumes()).to.equal(volumes);
    expect((await operator.outputs()).instance).to.equal(instance);
    expect((await theContainer(demo, SERVER)).restartPolicy).to.equal("unless-stopped");
  });

  atNight(
    "is no worse than a lost state: a new stack takes the server over with its secrets",
    async () => {
      const other = await operatorOf(demo);
      try {
        await other.configure({ release: "v1.0.1" });
        const running = await runningSince(demo);

        const { exitCode, output } = await other.up("--skip-preview");

        expect(exitCode, output).to.equal(0);
        expect(await runningSince(demo)).to.deep.equal(running);
        expect(await allSecrets()).to.equal(secrets);
        expect(await readMessages(url)).to.deep.equal(["from before"]);
        expect((await other.outputs()).instance).to.equal(instance);
      } finally {
        await other.leave();
      }
    },
  );

  /** Keys and passwords by the files that the server reads them from. */
  async function allSecrets(): Promise<string> {
    return shell(
      demo,
      `cd ${DIRECTORY}/current && cat secrets/jwt_private.pem secrets/jwt_public.pem && sort .env`,
    );
  }

  async function allVolumes(): Promise<string> {
    const format = "{{.Name}} {{.CreatedAt}}";
    return shell(
      demo,
      'docker volume inspect --format "$1" chatalot_postgres_data chatalot_file_storage',
      format,
    );
  }
});
