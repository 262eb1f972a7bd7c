import { createPrivateKey, createPublicKey } from "node:crypto";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import {
  chatUrl,
  cleanServer,
  DIRECTORY,
  operatorOf,
  sampleRepository,
} from "./support/fixture.ts";
import {
  appliedMigrations,
  COMMIT_LABEL,
  DATABASE,
  healthOf,
  ledgerOf,
  numberOfJobs,
  query,
  runningSince,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";

const VOLUMES = ["chatalot_file_storage", "chatalot_postgres_data"];

describe("first deployment to an empty server", () => {
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  let commit: string;
  let first: Run;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0" });
    url = chatUrl(demo);
    commit = (await sampleRepository()).tags["v1.0.0"] ?? "";
    first = await operator.up();
    expect(first.exitCode, first.output).to.equal(0);
  });
  after(() => operator?.leave());

  it("serves a healthy chat that keeps messages", async () => {
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await webVersion(url)).to.equal("1.0.0");
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3]);
    expect(await writeMarker(url, "hello")).to.equal(true);
    expect(await readMessages(url)).to.deep.equal(["hello"]);
    expect(await query(demo, "SELECT text FROM messages")).to.deep.equal(["hello"]);
  });

  it("tells address, release, commit and health as outputs", async () => {
    const outputs = await operator.outputs();
    expect(outputs).to.include({ release: "v1.0.0", commit, health: "ok", downtimeSeconds: 0 });
    expect(outputs.address).to.be.a("string").that.includes("8080");
    expect(outputs.instance).to.match(/^[0-9a-f]{16}$/);
    expect(first.output).to.contain("DONE v1.0.0");
  });

  it("runs the commit's image and lets Docker start it at boot", async () => {
    const server = await theContainer(demo, SERVER);
    expect(server.labels[COMMIT_LABEL]).to.equal(commit);
    expect(server.restartPolicy).to.equal("unless-stopped");
    expect(server.restartCount).to.equal(0);
    const format = `{{.Id}} {{index .Config.Labels "${COMMIT_LABEL}"}}`;
    const image = `chatalot-deploy/chatalot:${commit}`;
    expect(await shell(demo, 'docker image inspect --format "$1" "$2"', format, image)).to.equal(
      `${server.image} ${commit}`,
    );
    expect((await theContainer(demo, DATABASE)).restartPolicy).to.equal("unless-stopped");
  });

  it("makes every secret, readable for the server's user and nobody else", async () => {
    const names = ["jwt_private.pem", "jwt_public.pem"];
    const folder = `${DIRECTORY}/current/secrets`;
    const [privatePem = "", publicPem = ""] = await Promise.all(
      names.map((name) => shell(demo, 'cat "$1"', `${folder}/${name}`)),
    );
    const privateKey = createPrivateKey(privatePem);
    expect(privateKey.asymmetricKeyType).to.equal("ed25519");
    expect(createPublicKey(privateKey).export({ format: "pem", type: "spki" })).to.equal(
      `${publicPem}\n`,
    );

    const modes = (path: string) => shell(demo, `cd ${DIRECTORY} && stat -c '%a %u:%g' ${path}`);
    for (const name of names)
      expect(await modes(`current/secrets/${name}`), name).to.equal("400 1000:1000");
    for (const path of ["current/.env", ".deploy/secrets.json", ".deploy/ledger"])
      expect(await modes(path), path).to.equal("600 0:0");

    const environment = await shell(demo, `cat ${DIRECTORY}/.env`);
    expect(environment).to.match(/^DB_PASSWORD=\S?[A-Za-z0-9]{32}/m);
    expect(environment).to.match(/^TOTP_ENCRYPTION_KEY=\S?[0-9a-f]{64}/m);
  });

  it("lets no other user of the server read any of it", async () => {
    const readable = await shell(
      demo,
      `setpriv --reuid=65534 --regid=65534 --clear-groups find ${DIRECTORY} -mindepth 1 -readable ! -type l 2>/dev/null || true`,
    );
    expect(readable).to.equal("");
  });

  it("makes the volumes, protected and kept when they leave the state", async () => {
    const { deployment } = await operator.exported();
    const volumes = (deployment.resources ?? []).filter(({ type }) =>
      type.startsWith("docker:index/volume"),
    );
    expect(volumes.map(({ outputs }) => outputs?.name)).to.have.members(VOLUMES);
    for (const volume of volumes)
      expect(volume, volume.urn).to.include({ protect: true, retainOnDelete: true });
    expect((await shell(demo, "docker volume ls --quiet | sort")).split("\n")).to.include.members(
      VOLUMES,
    );
  });

  it("leaves no job's unit enabled or running", async () => {
    const units = await shell(
      demo,
      "systemctl list-units --all --plain --no-legend 'chatalot-deploy@*' | grep -v inactive || true; " +
        "ls /etc/systemd/system/multi-user.target.wants | grep chatalot || true",
    );
    expect(units).to.equal("");
  });

  it("changes, restarts and builds nothing in a second run", async () => {
    const before = await everythingThatCouldChange();
    const again = await operator.up("--expect-no-changes");
    expect(again.exitCode, again.output).to.equal(0);
    expect(await everythingThatCouldChange()).to.deep.equal(before);
  });

  it("works with docker compose in its directory, which finds nothing to change", async () => {
    const before = await everythingThatCouldChange();
    const compose = (words: string) =>
      shell(demo, `cd ${DIRECTORY} && docker compose ${words} 2>&1`);
    const list = await compose("ps --format '{{.Name}} {{.State}}'");
    expect(list.split("\n")).to.have.members([`${SERVER} running`, `${DATABASE} running`]);
    expect(await compose("logs chatalot")).to.contain("listening on");
    await compose("up --detach");
    expect(await everythingThatCouldChange()).to.deep.equal(before);
  });

  atNight("keeps to the operator's docker-compose.override.yml in the next update", async () => {
    const override = [
      "services:",
      "  chatalot:",
      "    ports:",
      '      - "18081:8080"',
      "    labels:",
      "      org.example.proxy: chat",
      "",
    ].join("\n");
    const file = `${DIRECTORY}/docker-compose.override.yml`;
    await shell(demo, 'printf %s "$1" > "$2"', override, file);
    await operator.configure({ release: "v1.0.1" });

    const update = await operator.up("--skip-preview");

    expect(update.exitCode, update.output).to.equal(0);
    expect((await theContainer(demo, SERVER)).labels["org.example.proxy"]).to.equal("chat");
    expect(await readMessages(`http://${demo.address}:18081`)).to.deep.equal(["hello"]);
    expect(await readMessages(url)).to.deep.equal(["hello"]);
    expect(await shell(demo, 'cat "$1"', file)).to.equal(override.trim());
    const running = await runningSince(demo);
    await shell(demo, `cd ${DIRECTORY} && docker compose up --detach`);
    expect(await runningSince(demo)).to.deep.equal(running);
    const again = await operator.up("--skip-preview", "--expect-no-changes");
    expect(again.exitCode, again.output).to.equal(0);
  });

  /** Containers, images, jobs and ledger: equal before and after a run that did nothing. */
  async function everythingThatCouldChange() {
    return {
      containers: await runningSince(demo),
      images: await shell(
        demo,
        "docker image inspect --format '{{.Id}} {{.Metadata.LastTagTime}}' $(docker images --quiet | sort -u)",
      ),
      jobs: await numberOfJobs(demo),
      ledger: (await ledgerOf(demo)).length,
      files: await shell(
        demo,
        `find ${DIRECTORY} -path '*/.deploy/*.lock' -prune -o -type f -printf '%p %T@\\n' | sort`,
      ),
    };
  }
});
