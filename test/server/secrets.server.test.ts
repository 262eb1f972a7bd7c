import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { chatUrl, cleanServer, DIRECTORY, operatorOf } from "./support/fixture.ts";
import { DATABASE, healthOf, SERVER, shell, theContainer } from "./support/looks.ts";
import {
  filesWithSecrets,
  secretsIn,
  type SecretValues,
  watchArguments,
  watchArgumentsOn,
} from "./support/needles.ts";
import type { Operator } from "./support/operator.ts";

/** Every character that a shell, Compose, a `.env`, a URL or JSON gives a meaning of its own. */
const FIRST_TOKEN = `first canary $HOME \${DB_PASSWORD} "two" 'one' \\n #5 %41&a=b+c;touch PWNED|x`;
const SECOND_TOKEN = "second-canary-0c1d2e3f4a5b6c7d";

describe("secret values", () => {
  let demo: DemoServer;
  let operator: Operator;
  let secrets: SecretValues;
  /** What pulumi printed, by the command. */
  const outputs: Record<string, string> = {};
  let argumentsHere: string;
  let argumentsThere: string;

  before(async () => {
    demo = await cleanServer();
    operator = await operatorOf(demo);
    await operator.configure({
      release: "v1.0.0",
      "health.timeout": "10 seconds",
      "health.mustStayGoodFor": "5 seconds",
    });
    await operator.configureSecret("secretEnv.GIPHY_API_KEY", FIRST_TOKEN);
    const here = watchArguments();
    const there = await watchArgumentsOn(demo);

    outputs["preview of the first"] = (await operator.preview("--json")).output;
    const first = await operator.up("--skip-preview", "--diff", "--debug");
    outputs["first up"] = first.output;
    argumentsHere = await here.stop();
    expect(first.exitCode, first.output).to.equal(0);
    expect((await theContainer(demo, SERVER)).environment).to.include({
      GIPHY_API_KEY: FIRST_TOKEN,
    });

    await operator.configure({ release: "v1.0.2-crashes-after-listening" });
    await operator.configureSecret("secretEnv.GIPHY_API_KEY", SECOND_TOKEN);
    const failing = await operator.up("--diff", "--debug");
    outputs["failing up"] = failing.output;
    expect(failing.output, failing.output).to.contain("REVERTED");
    const fromServer = await there.stop();
    argumentsThere = fromServer;

    for (const command of [["history", "--json"], ["export"], ["output", "--json"], []])
      outputs[`stack ${command.join(" ")}`] = (await operator.must("stack", ...command)).output;
    secrets = await knownSecrets();
  });
  after(() => operator?.leave());

  it("are known to these tests, and found where they belong", async () => {
    expect(await healthOf(chatUrl(demo))).to.include({ status: "ok" });
    expect(Object.keys(secrets)).to.include.members(["database password", "random root"]);
    const revealed = (await operator.must("stack", "export", "--show-secrets")).output;
    expect(secretsIn(revealed, secrets)).to.include.members([
      "database password",
      "random root",
      "first token",
    ]);
    const { environment } = await theContainer(demo, DATABASE);
    expect(environment.POSTGRES_PASSWORD).to.equal(secrets["database password"]);
  });

  it("are nowhere in what pulumi keeps: state, history, checkpoints, backups, settings", async () => {
    const kept = await operator.everythingKept();
    expect(kept.size).to.be.greaterThan(5);
    const found = [...kept].map(([path, bytes]) => [path, ...secretsIn(bytes, secrets)]);
    expect(found.filter(([, ...names]) => names.length > 0)).to.deep.equal([]);
  });

  it("are in no id", async () => {
    const { deployment } = await operator.exported();
    const ids = (deployment.resources ?? []).map(({ id, urn }) => `${urn} ${id}`);
    expect(secretsIn(ids.join("\n"), secrets)).to.deep.equal([]);
  });

  it("are in nothing that pulumi prints, also when it is to tell everything, or fails", () => {
    for (const [command, output] of Object.entries(outputs)) {
      expect(output.length, command).to.be.greaterThan(100);
      expect(secretsIn(output, secrets), command).to.deep.equal([]);
    }
  });

  it("are in no process's arguments, here or on the server", () => {
    expect(argumentsHere).to.contain("pulumi");
    expect(argumentsThere).to.contain("updater.mjs");
    expect(secretsIn(argumentsHere, secrets), "here").to.deep.equal([]);
    expect(secretsIn(argumentsThere, secrets), "on the server").to.deep.equal([]);
  });

  it("stand on the server in the files that are there for them, and in no journal or log", async () => {
    const there = await shell(
      demo,
      `cd ${DIRECTORY} && find -L "$PWD/releases" -name .env -o -path '*/secrets/*'; echo "$PWD/.deploy/secrets.json"`,
    );
    const places = [DIRECTORY, "/tmp", "/var/tmp", "/var/log", "/etc", "/root"];
    const found = await filesWithSecrets(demo, secrets, places);
    expect(found).to.include(`${DIRECTORY}/.deploy/secrets.json`);
    expect(there.split("\n")).to.include.members(found);

    const logs = [
      "journalctl --no-pager --output=cat",
      `docker logs ${SERVER} 2>&1`,
      `docker logs ${DATABASE} 2>&1`,
    ];
    for (const command of logs)
      expect(secretsIn(await shell(demo, command), secrets), command).to.deep.equal([]);
    expect(await shell(demo, "find / -xdev -name 'PWNED*' -not -path '/proc/*'")).to.equal("");
  });

  it("are in no image, and of the keys nothing is in a container's description", async () => {
    const images = await shell(
      demo,
      "for image in $(docker images --quiet); do docker history --no-trunc $image; docker image inspect $image; done",
    );
    expect(secretsIn(images, secrets)).to.deep.equal([]);
    const containers = await shell(demo, "docker inspect $(docker ps --all --quiet)");
    const inEnvironment = ["database password", "first token", "TOTP key"];
    expect(inEnvironment).to.include.members(secretsIn(containers, secrets));
  });

  async function knownSecrets(): Promise<SecretValues> {
    const file = await shell(demo, `cat ${DIRECTORY}/.deploy/secrets.json`);
    const made = JSON.parse(file) as Record<string, string>;
    const body = (made.jwtPrivateKey ?? "").split("\n")[1] ?? "";
    const revealed = (await operator.must("stack", "export", "--show-secrets")).output;
    const random = [...revealed.matchAll(/"plaintext": "\\"([A-Za-z0-9]{64})\\""/g)];
    const known = {
      "database password": made.databasePassword ?? "",
      "TOTP key": made.totpEncryptionKey ?? "",
      "private key": body,
      "first token": FIRST_TOKEN,
      "second token": SECOND_TOKEN,
      "random root": random[0]?.[1] ?? "",
    };
    for (const [name, value] of Object.entries(known))
      expect(value.length, name).to.be.greaterThan(20);
    return known;
  }
});
