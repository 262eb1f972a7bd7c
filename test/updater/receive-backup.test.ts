import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { expect } from "chai";
import type { FileList } from "../../updater/backup-files/file-list.ts";
import type { OfferAnswer, OfferedBackup } from "../../updater/backup-protocol.ts";
import { removePartialBackups } from "../../updater/backups.ts";
import { ensureInstance, plantInstance, readInstance } from "../../updater/instance.ts";
import { Job } from "../../updater/job.ts";
import { LockedError } from "../../updater/lock.ts";
import { instancePaths } from "../../updater/paths.ts";
import { type InstanceSecrets, PROTOCOL } from "../../updater/protocol.ts";
import { offerBackup, receiveBackup } from "../../updater/receive-backup.ts";
import { withReceiveLock, withSubmitLock } from "../../updater/submit-lock.ts";
import { switchPlan } from "./samples.ts";
import { useServerPrograms } from "./server-programs.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

const NAME = "000012-20260301T201500Z";
const DUMP = "PGDMP and more";
const SECRETS = JSON.stringify({
  databasePassword: "p".repeat(32),
  totpEncryptionKey: "0".repeat(64),
  jwtPrivateKey: "-----BEGIN PRIVATE KEY-----\nx",
  jwtPublicKey: "-----BEGIN PUBLIC KEY-----\ny",
});

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("taking a backup that is brought", () => {
  const temporary = useTemporaryDirectory();
  useServerPrograms(temporary);
  const paths = () => instancePaths(temporary("chat"));

  /** A backup with these files besides the keys. */
  function offer(files: Record<string, string> = {}, dump = DUMP, keys = SECRETS): OfferedBackup {
    const all = { ...files, "configuration/instance-secrets.json": keys };
    const owned = { uid: 0, gid: 0, mode: 0o700 };
    const list: FileList = {
      format: 1,
      folders: ["uploads", "configuration"].map((path) => ({ path, ...owned })),
      files: Object.entries(all).map(([path, text]) => ({
        ...{ path, ...owned, size: text.length, modified: 0, sha256: sha256(text) },
      })),
    };
    const text = JSON.stringify(list);
    return {
      ...{ protocol: PROTOCOL, directory: temporary("chat"), project: "chat", volumes: [] },
      name: NAME,
      manifest: {
        ...{ format: 1, sequence: 12, instanceId: "instance", databaseSize: 1_000 },
        takenAt: "2026-03-01T20:15:00.000Z",
        release: { name: "v1.0.0", commit: "a".repeat(40) },
        dump: {
          ...{ sha256: sha256(dump), size: dump.length, postgresVersion: "17.5" },
          content: { applied: [], rows: {} },
        },
        files: {
          ...{ count: list.files.length, size: Object.values(all).join("").length },
          ...{ listSize: text.length, listSha256: sha256(text) },
        },
      },
      list: text,
    };
  }

  async function* bytes(...texts: string[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield Buffer.from(text);
  }

  const reasons = (answer: OfferAnswer): string =>
    answer.answer === "refused" ? answer.reasons.join("\n") : answer.answer;
  const nothingLeft = async (): Promise<void> => {
    expect(await readInstance(paths())).to.equal(undefined);
    expect(await readdir(paths().backups).catch(() => [])).to.deep.equal([]);
  };

  it("makes an empty server the instance that it is of, with its keys", async () => {
    const offered = offer({ "uploads/one": "first" });
    expect(await offerBackup(offered)).to.deep.equal({ answer: "wanted" });
    const answer = await receiveBackup(offered, bytes(DUMP, "first", SECRETS));
    expect(answer).to.deep.equal({ answer: "there" });
    expect((await readInstance(paths()))?.id).to.equal("instance");
    expect(await readFile(paths().secretsFile, "utf8")).to.equal(
      JSON.stringify(JSON.parse(SECRETS)),
    );
    const folder = `${paths().backups}/${NAME}`;
    expect((await readdir(folder)).sort()).to.deep.equal([
      ...["configuration", "database.dump", "files.json", "manifest.json", "uploads"],
    ]);
    expect(await readFile(`${folder}/uploads/one`, "utf8")).to.equal("first");
    expect(await offerBackup(offered)).to.deep.equal({ answer: "there" });
  });

  describe("whose receiver was killed before the instance was made", () => {
    /** What is there then. */
    async function received(): Promise<OfferedBackup> {
      const offered = offer();
      await receiveBackup(offered, bytes(DUMP, SECRETS));
      await rm(paths().state, { recursive: true });
      return offered;
    }

    it("makes it when the backup is offered again, so that no other keys are made", async () => {
      const offered = await received();
      expect(await offerBackup(offered)).to.deep.equal({ answer: "there" });
      expect((await readInstance(paths()))?.id).to.equal("instance");
      expect(JSON.parse(await readFile(paths().secretsFile, "utf8"))).to.deep.equal(
        JSON.parse(SECRETS),
      );
    });

    it("makes it when the backup is sent again", async () => {
      const offered = await received();
      expect(await receiveBackup(offered, bytes())).to.deep.equal({ answer: "there" });
      expect((await readInstance(paths()))?.id).to.equal("instance");
    });

    it("takes no keys that changed meanwhile", async () => {
      const offered = await received();
      const keys = `${paths().backups}/${NAME}/configuration/instance-secrets.json`;
      await writeFile(keys, SECRETS.replace("ppp", "qqq"));
      expect(reasons(await offerBackup(offered))).to.match(
        /its keys can't be used: they have the SHA-256/,
      );
      await rm(keys);
      expect(reasons(await offerBackup(offered))).to.contain("they are gone");
      expect(await readInstance(paths())).to.equal(undefined);
    });
  });

  describe("while its bytes come", () => {
    /** Sends the dump, then does something, then sends the rest. */
    async function* interrupted(work: () => Promise<unknown>): AsyncGenerator<Uint8Array> {
      yield Buffer.from(DUMP);
      await work();
      yield Buffer.from(SECRETS);
    }

    it("lets jobs be opened, and keeps what has come from being swept away", async () => {
      let isFree = false;
      const content = interrupted(async () => {
        await withSubmitLock(paths(), () => removePartialBackups(paths()), 0);
        isFree = true;
      });
      expect(await receiveBackup(offer(), content)).to.deep.equal({ answer: "there" });
      expect(isFree).to.equal(true);
      expect(await readdir(paths().backups)).to.deep.equal([NAME]);
    });

    it("takes no second one, and says whom it waits for", async () => {
      let error: unknown;
      const content = interrupted(async () => {
        error = await errorOf(() => withReceiveLock(paths(), async () => undefined, 0));
      });
      await receiveBackup(offer(), content);
      expect(error).to.be.instanceOf(LockedError);
      expect((error as Error).message)
        .to.contain("another backup is being brought to it, process ")
        .and.to.contain(`ps -fp ${process.pid}`);
    });

    it("is judged again at the end: another instance may have come", async () => {
      const content = interrupted(() => ensureInstance(paths(), "chat"));
      expect(reasons(await receiveBackup(offer(), content))).to.contain("holds instance");
      expect(await readdir(paths().backups)).to.deep.equal([]);
    });

    it("is not put under a job whose own backup it would be taken for", async () => {
      await plantInstance(
        paths(),
        { id: "instance", project: "chat" },
        JSON.parse(SECRETS) as InstanceSecrets,
      );
      const open = (sequence: number) =>
        Job.open(paths(), sequence, switchPlan(), {
          ...{ type: "opened", protocol: PROTOCOL, kind: "switch", requestId: "request" },
          ...{ sequence, requestedBy: "somebody", runner: { node: "node", updater: "updater" } },
        });
      const content = interrupted(() => open(12));
      expect(reasons(await receiveBackup(offer(), content))).to.contain("12");
      expect(await readdir(paths().backups)).to.deep.equal([]);
      await rm(paths().jobs, { recursive: true });
      const other = interrupted(() => open(13));
      expect(await receiveBackup(offer(), other)).to.deep.equal({ answer: "there" });
    });

    it("ends when nothing comes any more, and leaves nothing", async () => {
      const content = interrupted(() => new Promise(() => undefined));
      const { message } = await errorOf(() => receiveBackup(offer(), content, 200));
      expect(message).to.contain("nothing of the backup has come for");
      await nothingLeft();
      await withReceiveLock(paths(), async () => undefined, 0);
    });

    it("removes what a receiver left that was killed", async () => {
      const left = `${paths().backups}/${NAME}.receiving`;
      await mkdir(left, { recursive: true });
      await removePartialBackups(paths());
      expect(await readdir(paths().backups)).to.deep.equal([]);
    });
  });

  it("names the holder of the lock that all wait for", async () => {
    await withSubmitLock(paths(), async () => {
      const { message } = await errorOf(() => withSubmitLock(paths(), async () => undefined, 1));
      expect(message)
        .to.contain(
          `${temporary("chat")} could not be used: another call is at work on it, process`,
        )
        .and.to.contain("Try again in a minute");
    });
  });

  it("leaves nothing of one that is not what its manifest says", async () => {
    for (const content of [
      [DUMP, "FIRST", SECRETS],
      [DUMP, "first"],
      [DUMP, "first", SECRETS, "!"],
    ]) {
      await errorOf(() => receiveBackup(offer({ "uploads/one": "first" }), bytes(...content)));
      await nothingLeft();
    }
  });

  it("takes no dump that is SQL in plain text", async () => {
    const dump = "CREATE FUNCTION f() ...";
    const take = () => receiveBackup(offer({}, dump), bytes(dump, SECRETS));
    expect((await errorOf(take)).message).to.contain("not one of PostgreSQL's custom format");
    await nothingLeft();
  });

  it("takes no keys of another form", async () => {
    const keys = JSON.stringify({ databasePassword: "'; DROP DATABASE chatalot; --" });
    const take = () => receiveBackup(offer({}, DUMP, keys), bytes(DUMP, keys));
    expect((await errorOf(take)).message).to.contain("keys are not in the form");
    await nothingLeft();
  });

  it("refuses a list that leads out of the backup, or is another one than the manifest's", async () => {
    const hostile = offer({ "uploads/../../../etc/cron.d/x": "* * * * * root touch /PWNED" });
    expect(reasons(await offerBackup(hostile))).to.contain("a path that leads out of the backup");
    const other = { ...offer(), list: `${offer().list ?? ""} ` };
    expect(reasons(await offerBackup(other))).to.contain("its list of files has the SHA-256");
    const { list: _, ...without } = offer();
    expect(reasons(await offerBackup(without))).to.contain("don't belong together");
  });

  it("refuses the database alone for an empty server: its keys would be missing", async () => {
    const { list: _, ...rest } = offer();
    const { files: _files, ...manifest } = rest.manifest;
    expect(reasons(await offerBackup({ ...rest, manifest }))).to.contain("needs the keys");
    await nothingLeft();
  });

  it("refuses a server that has another instance, or something of somebody else", async () => {
    await mkdir(temporary("chat"));
    await writeFile(temporary("chat", "docker-compose.yml"), "services: {}");
    expect(reasons(await offerBackup(offer()))).to.contain("did not deploy: the file");
    await rm(temporary("chat"), { recursive: true });
    const { id } = await ensureInstance(paths(), "chat");
    expect(reasons(await offerBackup(offer())))
      .to.contain(`holds instance ${id}`)
      .and.to.contain("of instance instance");
  });
});
