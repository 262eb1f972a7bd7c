import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import {
  chatUrl,
  cleanServer,
  DIRECTORY,
  operatorOf,
  sampleRepository,
} from "./support/fixture.ts";
import {
  appliedMigrations,
  DATABASE,
  healthOf,
  ledgerOf,
  query,
  releaseImages,
  shell,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

const UPLOAD = "an-upload-of-1.2.0.txt";

describe("rollback", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  /** Everything that was ever acknowledged. */
  const written: string[] = [];

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    operator = await operatorOf(demo);
    await operator.configure({ "env.REGISTRATION_MODE": "invite_only" });
    await operator.configureSecret("secretEnv.GIPHY_API_KEY", "secret-of-v1.0.0");
    await forwardTo("v1.0.0");
    await operator.configure({ "env.REGISTRATION_MODE": "open" });
    await operator.configureSecret("secretEnv.GIPHY_API_KEY", "secret-of-v1.0.1");
    await forwardTo("v1.0.1");
  });
  after(() => operator?.leave());

  it("goes back without migrations: no build, no repository, with settings and secrets of then", async () => {
    const images = await releaseImages(demo);
    await operator.configure({ repository: "/nowhere/at/all" });

    const { exitCode, output } = await operator.chatalot("rollback", "--yes", "--with-secrets");

    expect(exitCode, output).to.equal(0);
    expect(output)
      .to.contain("v1.0.1")
      .and.to.match(/DONE v1\.0\.0 \([0-9a-f]{7}\) is serving/);
    expect(output).to.contain("commit it").and.not.to.contain("can't be read");
    // The line is broken at 80 columns.
    expect(output).to.match(/repository\s+could\s+not\s+be\s+read/);
    expect(await webVersion(url)).to.equal("1.0.0");
    expect(await releaseImages(demo)).to.deep.equal(images);
    expect(await chatVariable("REGISTRATION_MODE")).to.equal("invite_only");
    expect(await chatVariable("GIPHY_API_KEY")).to.equal("secret-of-v1.0.0");
    for (const [path, bytes] of await operator.everythingKept())
      expect(bytes.includes("secret-of-v1"), path).to.equal(false);
    expect(output).not.to.contain("secret-of-v1");
    const config = (await operator.must("config", "get", "release")).output.trim();
    expect(config).to.equal(`v1.0.0@${(await sampleRepository()).tags["v1.0.0"]}`);
    expect((await ledgerOf(demo)).slice(-2).map(({ kind }) => kind)).to.deep.equal([
      "switch",
      "switch",
    ]);
    await write("after the first rollback");
    await operator.configure({ repository: (await sampleRepository()).directory });
  });

  it("refuses where migrations lie between, with the choice, and changes nothing", async () => {
    await forwardTo("v1.1.0");
    await forwardTo("v1.2.0");
    await shell(
      demo,
      `echo upload > "$(docker volume inspect --format '{{.Mountpoint}}' chatalot_file_storage)/${UPLOAD}"`,
    );
    const jobs = (await ledgerOf(demo)).length;

    const { exitCode, output } = await operator.chatalot("rollback", "--yes");

    expect(exitCode, output).to.equal(1);
    expect(output).to.contain("it does not know 005 channels").and.to.contain("--database backup");
    expect(await ledgerOf(demo)).to.have.length(jobs);
    expect(await releaseInFile()).to.equal("v1.2.0");
  });

  it("goes back one release by the revert point, and keeps what was written since", async () => {
    await back("v1.1.0", "--database", "revert-point");

    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
    expect(await readMessages(url)).to.deep.equal(written.slice(0, -1));
    expect(await setAside()).to.contain(UPLOAD);
    // As the chat would, two hours after its start.
    await shell(
      demo,
      `rm "$(docker volume inspect --format '{{.Mountpoint}}' chatalot_file_storage)/${UPLOAD}"`,
    );
    await write("after the second rollback");
  });

  it("goes back two releases by a backup", async () => {
    await back("v1.0.0", "--to", "v1.0.0", "--database", "backup");

    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3]);
    expect(await readMessages(url)).to.deep.equal(written.slice(0, 3));
    await write("after the third rollback");
  });

  it("is undone with the data and uploads that were there", async () => {
    await back("v1.2.0", "--to", "v1.2.0", "--database", "revert-point");

    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await readMessages(url)).to.deep.equal(written.slice(0, 5));
    expect(
      await shell(
        demo,
        `cat "$(docker volume inspect --format '{{.Mountpoint}}' chatalot_file_storage)/${UPLOAD}"`,
      ),
    ).to.equal("upload");
  });

  it("shows all of it in the history, and has no key of a rollback left", async () => {
    const { exitCode, output } = await operator.chatalot("history", "--json");
    expect(exitCode, output).to.equal(0);
    const entries = JSON.parse(output) as {
      result: string;
      release: { name: string };
      pulumi?: object;
      replacement?: { way: string };
      back: { state: string };
    }[];
    expect(entries.map(({ replacement }) => replacement?.way ?? "-").join()).to.equal(
      "revert-point,backup,revert-point,-,-,-,-,-",
    );
    expect(entries.map(({ back }) => back.state)).to.include.members(["serves", "ready"]);
    for (const entry of entries) expect(entry.result).to.equal("done");
    for (const entry of entries) expect(entry, "joined with Pulumi's").to.have.property("pulumi");
    expect((await operator.must("config")).output).to.not.contain("job");
    const { exitCode: nothing, output: told } = await operator.up("--skip-preview");
    expect(nothing, told).to.equal(0);
    expect(told)
      .to.match(/1[0-9] unchanged/)
      .and.not.to.contain("updated");
  });

  /** By plain Pulumi, with a message afterwards. */
  async function forwardTo(release: string): Promise<void> {
    await operator.configure({ release });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    await write(`on ${release}`);
  }

  async function write(text: string): Promise<void> {
    expect(await writeMarker(url, text)).to.equal(true);
    written.push(text);
  }

  /** Goes back, and looks that every message is in one of the databases. */
  async function back(release: string, ...flags: string[]): Promise<void> {
    const images = await releaseImages(demo);
    const { exitCode, output } = await operator.chatalot("rollback", "--yes", ...flags);
    expect(exitCode, output).to.equal(0);
    const { sequence } = (await ledgerOf(demo)).at(-1) ?? {};
    expect(output).to.contain(`DONE ${release}`).and.to.contain(`chatalot_left_${sequence}`);
    expect(await releaseImages(demo)).to.deep.equal(images);
    expect(await webVersion(url)).to.equal(release.slice(1));
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    const names = await query(demo, "SELECT datname FROM pg_database WHERE datname ~ '^chatalot'");
    const kept = new Set<string>();
    for (const name of names) for (const text of await messagesIn(name)) kept.add(text);
    expect([...kept]).to.have.members(written);
    expect(names.filter((name) => name.includes("_next_"))).to.deep.equal([]);
  }

  async function messagesIn(database: string): Promise<string[]> {
    const psql = `docker exec ${DATABASE} psql -U chatalot -d "$1" -tA -c 'SELECT text FROM messages'`;
    return (await shell(demo, psql, database)).split("\n");
  }

  async function setAside(): Promise<string> {
    return shell(demo, `ls -R ${DIRECTORY}/set-aside`);
  }

  async function releaseInFile(): Promise<string> {
    return (await operator.must("config", "get", "release")).output.trim();
  }

  async function chatVariable(name: string): Promise<string> {
    return shell(demo, `docker exec chatalot-server printenv "$1"`, name);
  }
});
