import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { WebSocket } from "ws";
import { makeSampleRepository, type SampleRepository } from "../../demo/repository/index.ts";
import { ensureDocker } from "../../toolchain/index.ts";
import { PostgresContainer } from "./postgres-container.ts";
import { buildRelease, makeKeys, RunningApplication } from "./running-application.ts";

describe("sample application", function () {
  this.timeout(600_000);
  const TOTP_ENCRYPTION_KEY = randomBytes(32).toString("hex");
  let directory: string;
  let repository: SampleRepository;
  let postgres: PostgresContainer;
  let keys: Record<string, string>;
  let database: string;
  let running: RunningApplication[] = [];
  const builds = new Map<string, string>();

  before(async function () {
    this.timeout(900_000);
    await ensureDocker(() => undefined);
    directory = await mkdtemp(join(tmpdir(), "sample-application-test-"));
    repository = await makeSampleRepository(join(directory, "repository"));
    keys = await makeKeys(join(directory, "keys"));
    postgres = await PostgresContainer.start();
  });
  after(async () => {
    await postgres.remove();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    database = `test_${randomBytes(4).toString("hex")}`;
    await postgres.query("postgres", `CREATE DATABASE ${database}`);
  });
  afterEach(async () => {
    await Promise.all(running.map((application) => application.stop()));
    running = [];
  });

  /** Starts a release on this test's database, without waiting for it. */
  async function launch(
    tag: string,
    environment: Record<string, string> = {},
  ): Promise<RunningApplication> {
    const dist = builds.get(tag) ?? (await buildRelease(repository, tag, directory));
    builds.set(tag, dist);
    const application = await RunningApplication.start(dist, {
      DATABASE_URL: postgres.url(database),
      TOTP_ENCRYPTION_KEY,
      FILE_STORAGE_PATH: join(directory, database),
      ...keys,
      ...environment,
    });
    running.push(application);
    return application;
  }

  async function start(
    tag: string,
    environment: Record<string, string> = {},
  ): Promise<RunningApplication> {
    return (await launch(tag, environment)).ready();
  }

  async function appliedMigrations(): Promise<number[]> {
    const rows = await postgres.query(
      database,
      "SELECT version::int FROM _sqlx_migrations ORDER BY version",
    );
    return rows.map((row) => row.version as number);
  }

  describe("migrations", () => {
    it("are applied before it listens, with their checksums", async () => {
      await start("v1.2.0");
      expect(await appliedMigrations()).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
      const file = await readFile(join(directory, "v1.2.0/migrations/004_message_edits.sql"));
      const [row] = await postgres.query(
        database,
        "SELECT description, success, checksum FROM _sqlx_migrations WHERE version = 4",
      );
      expect(row?.description).to.equal("message edits");
      expect(row?.success).to.equal(true);
      expect(row?.checksum).to.deep.equal(createHash("sha384").update(file).digest());
    });

    it("are not applied again", async () => {
      await (await start("v1.1.0")).stop();
      await start("v1.1.0");
      expect(await appliedMigrations()).to.deep.equal([1, 2, 3, 4]);
    });

    it("that an older release does not know keep it from starting", async () => {
      await (await start("v1.1.0")).stop();
      const older = await launch("v1.0.1");
      expect(await older.ended).to.equal(1);
      expect(older.output).to.contain(
        "Error: migration 4 was previously applied but is missing in the resolved migrations",
      );
    });

    it("that were edited keep it from starting", async () => {
      await (await start("v1.0.1")).stop();
      const edited = await launch("v1.0.2-edited-migration");
      expect(await edited.ended).to.equal(1);
      expect(edited.output).to.contain(
        "Error: migration 2 was previously applied but has been modified",
      );
    });

    it("that fail leave those before them", async () => {
      await (await start("v1.2.0")).stop();
      const failing = await launch("v1.2.1-migration-fails-third-of-five");
      expect(await failing.ended).to.equal(1);
      expect(failing.output).to.contain("Error: while executing migration 11:");
      expect(await appliedMigrations()).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    it("are applied once by two servers that start together", async () => {
      const [first, second] = await Promise.all([launch("v1.2.0"), launch("v1.2.0")]);
      await Promise.all([first.ready(), second.ready()]);
      expect(await appliedMigrations()).to.have.length(8);
    });

    it("without a transaction work", async () => {
      await start("v1.1.1-without-transaction");
      expect(await appliedMigrations()).to.deep.equal([1, 2, 3, 4, 5]);
    });

    it("of a stale build are those of its embedding, not of its tree", async () => {
      await start("v1.2.1-old-binary");
      expect(await appliedMigrations()).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
    });
  });

  describe("health", () => {
    it("has the crate's version, which is not the web client's", async () => {
      const application = await start("v1.1.0");
      const health = (await application.get("/api/health")) as Record<string, unknown>;
      expect(Object.keys(health)).to.deep.equal(["status", "version", "uptime_secs", "db_healthy"]);
      expect(health).to.include({ status: "ok", version: "1.0.0", db_healthy: true });
      expect(await application.get("/version.json")).to.deep.equal({ version: "1.1.0" });
    });

    it("is degraded with 200 after 5 seconds while the database is frozen, then ok", async () => {
      const application = await start("v1.0.0");
      await postgres.freeze(true);
      const asked = Date.now();
      const answer = await fetch(`${application.url}/api/health`).finally(() =>
        postgres.freeze(false),
      );
      const milliseconds = Date.now() - asked;
      expect(answer.status).to.equal(200);
      expect(await answer.json()).to.include({ status: "degraded", db_healthy: false });
      expect(milliseconds).to.be.at.least(4_900);
      expect(await application.get("/api/health")).to.include({ status: "ok" });
    });

    it("goes wrong in its own way in each bad release", async () => {
      const degraded = await start("v1.0.2-degraded");
      expect(await degraded.get("/api/health")).to.include({ status: "degraded" });
      const flapping = await start("v1.0.2-flapping");
      const first = await flapping.get("/api/health");
      expect(await flapping.get("/api/health")).not.to.deep.equal(first);
      const wrong = await start("v1.0.2-wrong-version");
      expect(await wrong.get("/api/health")).to.include({ version: "0.9.0" });
      const html = await start("v1.0.2-html-health");
      const answer = await fetch(`${html.url}/api/health`);
      expect(answer.status).to.equal(200);
      expect(await answer.text()).to.match(/^</);
    });

    it("is not there for long in a release that crashes, and never in one that does not listen", async () => {
      const crashing = await start("v1.0.2-crashes-after-listening");
      expect(await crashing.ended).to.equal(101);
      const silent = await launch("v1.0.2-never-listens");
      await sleep(1_000);
      expect(silent.process.exitCode).to.equal(null);
      const refused = await fetch(silent.url).then(
        () => false,
        () => true,
      );
      expect(refused).to.equal(true);
    });
  });

  describe("settings", () => {
    it("without a TOTP key it ends", async () => {
      const application = await launch("v1.0.0", { TOTP_ENCRYPTION_KEY: "" });
      expect(await application.ended).to.equal(1);
      expect(application.output).to.contain("Error: TOTP_ENCRYPTION_KEY must be set");
    });

    it("without keys, or with two halves of different pairs, it ends", async () => {
      const none = await launch("v1.0.0", { JWT_PRIVATE_KEY_PATH: join(directory, "none") });
      expect(await none.ended).to.equal(1);
      const { JWT_PUBLIC_KEY_PATH = "" } = await makeKeys(join(directory, "other-keys"));
      const mixed = await launch("v1.0.0", { JWT_PUBLIC_KEY_PATH });
      expect(await mixed.ended).to.equal(1);
      expect(mixed.output).to.contain("are not one key pair");
    });
  });

  it("stores messages and tells those who listen", async () => {
    const application = await start("v1.0.0");
    const socket = new WebSocket(`${application.url.replace("http", "ws")}/ws`);
    await once(socket, "open");
    const heard = once(socket, "message") as Promise<[Buffer]>;
    const written = await application.post("/api/messages", { author: "ada", text: "hello" });
    expect(written.status).to.equal(201);
    expect(written.body).to.include({ id: 1, author: "ada", text: "hello" });
    expect((await heard)[0].toString()).to.contain("hello");
    socket.terminate();

    await application.post("/api/messages", { author: "ada", text: "again" });
    expect(await application.get("/api/messages/count")).to.deep.equal({ count: 2 });
    const later = (await application.get("/api/messages?after=1")) as { messages: object[] };
    expect(later.messages).to.have.length(1);
  });

  it("stores files, and deletes those without a row", async () => {
    const application = await start("v1.0.0");
    const content = randomBytes(100_000);
    const answer = await fetch(`${application.url}/api/files?name=a.bin`, {
      method: "POST",
      body: content,
    });
    const { id } = (await answer.json()) as { id: string };
    const orphan = join(directory, database, "00000000-0000-0000-0000-000000000000");
    await writeFile(orphan, "nobody's");
    // Only now one that cleans up: it would take a file away whose row is still being written.
    const cleaning = await start("v1.0.0", {
      FILE_CLEANUP_DELAY_SECS: "1",
      FILE_CLEANUP_INTERVAL_SECS: "1",
    });
    // Mocha's limit ends this where it is never deleted.
    while (existsSync(orphan)) await sleep(100);
    const again = await fetch(`${cleaning.url}/api/files/${id}`);
    expect(Buffer.from(await again.arrayBuffer()).equals(content)).to.equal(true);
  });

  it("makes the first account the owner, and needs its keys to know it again", async () => {
    const application = await start("v1.0.0");
    const owner = await application.post("/api/register", { username: "ada", password: "1" });
    expect(owner.body).to.include({ role: "owner" });
    const second = await application.post("/api/register", { username: "bob", password: "2" });
    expect(second.status).to.equal(403);

    const headers = { authorization: `Bearer ${(owner.body as { token: string }).token}` };
    expect(await application.get("/api/me", headers)).to.include({ secondFactor: "readable" });
    const otherKey = await start("v1.0.0", { TOTP_ENCRYPTION_KEY: "ab".repeat(32) });
    expect(await otherKey.get("/api/me", headers)).to.include({ secondFactor: "unreadable" });
    const otherPair = await start("v1.0.0", await makeKeys(join(directory, "third-keys")));
    expect(await otherPair.get("/api/me", headers)).to.include({ error: "the token is not valid" });
  });

  it("answers 429 beyond 50 requests at once and 20 a second", async () => {
    const application = await start("v1.0.0");
    const ask = async (): Promise<number> =>
      fetch(`${application.url}/api/health`).then(async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      });
    const asked = Date.now();
    const statuses = await Promise.all(Array.from({ length: 400 }, ask));
    const seconds = (Date.now() - asked) / 1_000;
    const admitted = statuses.filter((status) => status === 200).length;
    // A slow machine takes its time for so many, in which more are due.
    expect(admitted).to.be.within(50, Math.ceil(50 + 20 * seconds));
    expect(statuses.filter((status) => status === 429)).to.have.length(400 - admitted);
    while ((await ask()) !== 200) await sleep(100);
  });

  it("answers what it has begun when it is told to stop", async () => {
    const application = await start("v1.0.0");
    await postgres.query(
      database,
      "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS " +
        "$$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$",
    );
    await postgres.query(
      database,
      "CREATE TRIGGER wait BEFORE INSERT ON messages " + "FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    const writing = application.post("/api/messages", { author: "ada", text: "last words" });
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while ((await postgres.query(database, waiting)).length === 0) await sleep(20);
    expect(await application.stop()).to.equal(0);
    expect((await writing).status).to.equal(201);
    const rows = await postgres.query(database, "SELECT text FROM messages");
    expect(rows).to.deep.equal([{ text: "last words" }]);
  });
});
