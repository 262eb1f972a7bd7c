import { execa } from "execa";
import { expect } from "chai";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DemoServer } from "../../demo/server/index.ts";
import { ensureToolchain } from "../../toolchain/index.ts";
import { startProber } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import { composeUp } from "./support/by-the-page.ts";
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
  runningSince,
  SERVER,
  shell,
  theContainer,
  untilHealthy,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

const CHATALOT = fileURLToPath(new URL("../../cli/chatalot", import.meta.url));

/** A token that nobody may see outside of the stack's encrypted settings and the server's `.env`. */
const TOKEN = "giphy-key-of-the-test-5e1d";

/** What the page's reader writes into the `.env` that the page's script has made. */
const OWN_VARIABLES = `
REGISTRATION_MODE=open
GIPHY_API_KEY=${TOKEN}
MAX_FILE_SIZE_MB=250
`;

/** A volume with a name of the operator's own, as a chat has it that was moved once. */
const OWN_VOLUME = "my_messages";
const OVERRIDE = `
volumes:
  postgres_data:
    name: ${OWN_VOLUME}
`;

describe("a chat that the page's own procedure deployed", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let tags: Readonly<Record<string, string>>;
  let listing: string;
  const markers: (() => Promise<string[]>)[] = [];

  before(async () => {
    ({ tags } = await sampleRepository());
    demo = await cleanServer();
    await cloneOnto(demo, tags["v1.0.0"] ?? "");
    await shell(
      demo,
      `cd ${DIRECTORY}; sh scripts/make-secrets.sh; printf '%s' "$1" >> .env
       printf '%s' "$2" > docker-compose.override.yml; docker compose build`,
      ...[OWN_VARIABLES, OVERRIDE],
    );
    await composeUp(demo);
    await untilHealthy(chatUrl(demo));
    await write();
    listing = await filesThere();
    operator = await operatorOf(demo);
  });
  after(() => operator?.leave());

  /** Messages that the chat has acknowledged; each must be there at every later look. */
  async function write(): Promise<void> {
    const prober = startProber({ baseUrl: chatUrl(demo) });
    while (prober.snapshot().acknowledgedMarkers.length < 3) await sleep(100);
    await prober.stop();
    markers.push(() => prober.missingMarkers(chatUrl(demo)));
  }

  async function nothingIsLost(): Promise<void> {
    for (const missing of markers) expect(await missing()).to.deep.equal([]);
  }

  /** What the operator sees of the directory, without what this tool keeps there. */
  const filesThere = (): Promise<string> =>
    shell(
      demo,
      `cd ${DIRECTORY}; find . -mindepth 1 -maxdepth 1 ! -name '.deploy*' ! -name releases ! -name trees \
         ! -name backups ! -name set-aside -printf '%p %y %m\\n' | sort; sha256sum .env docker-compose.yml`,
    );

  it("is not touched by an up that was not told of it, which says what to do", async () => {
    await operator.configure({ release: "v1.0.0" });
    const since = await runningSince(demo);
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode).not.to.equal(0);
    expect(output).to.contain("npx chatalot adopt");
    expect(await runningSince(demo)).to.deep.equal(since);
    expect(await filesThere()).to.equal(listing);
  });

  it("is not taken over as another release than it is", async () => {
    const settings = await readFile(join(operator.folder, "Pulumi.test.yaml"), "utf8");
    const { exitCode, output } = await operator.chatalot("adopt", "--release", "v1.0.1", "--yes");
    expect(exitCode).to.equal(1);
    expect(output).to.contain(`is commit ${tags["v1.0.0"]}, not ${tags["v1.0.1"]}`);
    expect(await filesThere()).to.equal(listing);
    expect(await readFile(join(operator.folder, "Pulumi.test.yaml"), "utf8")).to.equal(settings);
  });

  it("is not taken over with a compose file that was edited in place", async () => {
    await shell(
      demo,
      `cd ${DIRECTORY}; cp docker-compose.yml kept; echo '# mine' >> docker-compose.yml`,
    );
    const { exitCode, output } = await operator.chatalot("adopt", "--yes");
    await shell(demo, `cd ${DIRECTORY}; mv kept docker-compose.yml`);
    expect(exitCode).to.equal(1);
    expect(output).to.contain("docker-compose.yml is not the compose file of");
    expect(await filesThere()).to.equal(listing);
  });

  it("is taken over without a restart, and its settings become the stack's", async () => {
    const since = await runningSince(demo);
    const { output } = await operator.mustChatalot("adopt", "--yes");
    expect(output).to.match(/^ADOPTED v1\.0\.0@/m);
    expect(output).to.contain("MAX_FILE_SIZE_MB: nothing that runs uses it");
    expect(output).not.to.contain("restarts the server");
    expect(await runningSince(demo)).to.deep.equal(since);
    const settings = await readFile(join(operator.folder, "Pulumi.test.yaml"), "utf8");
    expect(settings).to.contain(`v1.0.0@${tags["v1.0.0"]}`);
    expect(settings).to.contain("REGISTRATION_MODE: open");
    expect(settings).to.contain(`database: ${OWN_VOLUME}`).and.not.to.contain("files:");
    expect(settings).to.match(/GIPHY_API_KEY:\s+secure: /);
    for (const text of [output, settings, JSON.stringify(await operator.exported())])
      expect(text).not.to.contain(TOKEN);
  });

  it("then has nothing to do, is healthy, and shows no drift", async () => {
    const since = await runningSince(demo);
    const { exitCode, output } = await operator.preview("--expect-no-changes");
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("NOTHING TO DO");
    const status = await operator.chatalot("status", "--check");
    expect(status.exitCode, status.output).to.equal(0);
    const again = await operator.chatalot("adopt", "--yes");
    expect(again.exitCode).to.equal(1);
    expect(again.output).to.contain("holds an instance of this tool already");
    expect((await operator.mustChatalot("history")).output).to.contain("v1.0.0");
    expect(await runningSince(demo)).to.deep.equal(since);
    await nothingIsLost();
  });

  it("is left as it was found by forget, and can be taken over again by who has no state", async () => {
    const since = await runningSince(demo);
    const { output } = await operator.mustChatalot("forget", "--yes");
    expect(output).to.contain("FORGOTTEN");
    expect(await filesThere()).to.equal(listing);
    expect(await shell(demo, `cd ${DIRECTORY}; docker compose ps --services | sort`)).to.equal(
      "chatalot\npostgres",
    );
    await shell(demo, `cd ${DIRECTORY}; docker compose up --detach`);
    expect(await runningSince(demo)).to.deep.equal(since);
    await operator.leave();
    operator = await operatorOf(demo);
    await operator.mustChatalot("adopt", "--yes");
    expect(await runningSince(demo)).to.deep.equal(since);
    expect((await operator.preview("--expect-no-changes")).exitCode).to.equal(0);
  });

  atNight("is taken over by who begins with init, as docs/adopt.md says", async () => {
    const since = await runningSince(demo);
    await operator.mustChatalot("forget", "--yes");
    await operator.leave();
    const home = await mkdtemp(join(tmpdir(), "chatalot-deploy-adopt-"));
    const { environment } = await ensureToolchain(() => undefined);
    const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
    const run = async (folder: string, argv: [string, ...string[]]): Promise<string> => {
      const { exitCode, all } = await execa(argv[0], argv.slice(1), {
        ...{ cwd: folder, stdin: "ignore", all: true, reject: false, timeout: 240_000 },
        env: { ...environment, HOME: home, XDG_CACHE_HOME: cache },
      });
      expect(exitCode, all).to.equal(0);
      return all;
    };
    try {
      const { directory } = await sampleRepository();
      await run(home, [
        ...([CHATALOT, "init", "--no-check", "--yes", "--repository", directory] as const),
        ...["--server", `${demo.user}@${demo.host}:${demo.port}`, "--host-key", demo.hostKey],
        ...["--identity-file", demo.identityFile],
      ]);
      const stack = join(home, "chatalot-stack");
      await run(stack, ["./chatalot", "adopt", "--yes"]);
      await run(stack, ["sh", "-c", ". ./env; pulumi preview --expect-no-changes"]);
      expect(await runningSince(demo)).to.deep.equal(since);
      await run(stack, ["./chatalot", "forget", "--yes"]);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
    operator = await operatorOf(demo);
    await operator.mustChatalot("adopt", "--yes");
    expect(await runningSince(demo)).to.deep.equal(since);
  });

  it("serves again as it was found after an update that fails, with every message", async () => {
    await write();
    await operator.configure({ release: "v1.0.2-degraded" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode).not.to.equal(0);
    expect(output).to.contain("REVERTED");
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.0");
    const { labels } = await theContainer(demo, SERVER);
    expect(labels[COMMIT_LABEL]).to.equal(tags["v1.0.0"]);
    await nothingIsLost();
  });

  it("is updated over migrations as any other, with its passwords and keys", async () => {
    await write();
    await operator.configure({ release: "v1.1.0" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
    expect((await shell(demo, "docker volume ls --quiet | sort")).split("\n"))
      .to.include(OWN_VOLUME)
      .and.not.to.include("chatalot_postgres_data");
    expect(await shell(demo, `docker exec ${SERVER} printenv GIPHY_API_KEY`)).to.equal(TOKEN);
    await nothingIsLost();
  });

  atNight("goes on with docker compose alone once it is forgotten later", async () => {
    const since = await runningSince(demo);
    await operator.mustChatalot("forget", "--yes");
    expect(await shell(demo, `cd ${DIRECTORY}; find . -maxdepth 1 -type l | wc -l`)).to.equal("0");
    await shell(demo, `cd ${DIRECTORY}; docker compose up --detach 2>/dev/null`);
    expect(await runningSince(demo)).to.deep.equal(since);
    await operator.leave();
    operator = await operatorOf(demo);
    const { output } = await operator.mustChatalot("adopt", "--release", "v1.1.0", "--yes");
    expect(output).to.match(/^ADOPTED v1\.1\.0@/m);
    expect(await runningSince(demo)).to.deep.equal(since);
    expect((await operator.preview("--expect-no-changes")).exitCode).to.equal(0);
    await nothingIsLost();
  });
});

/** A clone as the page has it made, which the server itself could not make: it has no git. */
async function cloneOnto(demo: DemoServer, commit: string): Promise<void> {
  const { directory } = await sampleRepository();
  const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-clone-"));
  try {
    const git = (...args: string[]) => execa("git", args, { cwd: folder, timeout: 60_000 });
    await git("clone", "--quiet", directory, "clone");
    await git("-C", "clone", "checkout", "--quiet", commit);
    const archive = join(folder, "clone.tar");
    await execa("tar", ["--create", "--file", archive, "--directory", join(folder, "clone"), "."]);
    const unpack = `mkdir -p ${DIRECTORY} && tar --extract --no-same-owner --directory ${DIRECTORY}`;
    await demo.exec(["sh", "-c", unpack], { timeout: 60_000, input: await readFile(archive) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
