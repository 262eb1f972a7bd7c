import { mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect } from "chai";
import { backupRequestSchema } from "../../updater/backup-protocol.ts";
import { backupWork } from "../../updater/backup-work.ts";
import { readBackups, removeNamedBackup, sendBackup } from "../../updater/backup-verbs.ts";
import { dumpFile, removeBackup, takeBackup } from "../../updater/backups.ts";
import { ensureInstance } from "../../updater/instance.ts";
import { Ledger } from "../../updater/ledger.ts";
import { instancePaths } from "../../updater/paths.ts";
import type { RemovedAnswer } from "../../updater/protocol.ts";
import { PROTOCOL, type RemoveRequest } from "../../updater/protocol.ts";
import { submit } from "../../updater/submit.ts";
import { ledgerRecord, makeContext, switchPlan } from "./samples.ts";
import { useServerPrograms } from "./server-programs.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

const FIRST = "000001-20240101T000000Z";
const SECOND = "000002-20240101T000000Z";

describe("the backups of a server", () => {
  const temporary = useTemporaryDirectory();
  useServerPrograms(temporary);
  const paths = () => instancePaths(temporary("chat"));
  const request = (name: string) =>
    ({ protocol: PROTOCOL, directory: temporary("chat"), name }) as const;
  const there = async (): Promise<string[]> => (await readdir(paths().backups)).sort();
  const remove = (name: string): Promise<RemovedAnswer> => removeNamedBackup(request(name));

  async function backup(name: string, proven = true): Promise<void> {
    await takeBackup(paths(), name, async (file) => {
      await writeFile(file, "hello world");
      return {
        format: 1,
        sequence: Number(name.slice(0, 6)),
        instanceId: "instance",
        takenAt: "2024-01-01T00:00:00.000Z",
        release: { name: "v1.0.0", commit: "a".repeat(40) },
        databaseSize: 1_000,
        dump: {
          ...{ sha256: "0".repeat(64), size: 11, postgresVersion: "17.5" },
          content: { applied: [], rows: {} },
        },
        ...(proven ? { proof: { restoredAt: "2024-01-01T00:00:00.000Z" } } : {}),
      };
    });
  }

  beforeEach(async () => {
    await ensureInstance(paths(), "chat");
  });

  it("are listed by age; a link, another name and a folder without a manifest are none", async () => {
    await backup(SECOND, false);
    await backup(FIRST);
    await backup("1000000-20200101T000000Z");
    await mkdir(temporary("elsewhere"));
    await rename(join(paths().backups, SECOND), temporary("elsewhere", "linked"));
    await symlink(temporary("elsewhere", "linked"), join(paths().backups, SECOND));
    await mkdir(join(paths().backups, "000003-20240101T000000Z"));
    await mkdir(join(paths().backups, "mine"));
    const { backups, openJob } = await readBackups(request(FIRST));
    expect(backups.map(({ name }) => name)).to.deep.equal([FIRST, "1000000-20200101T000000Z"]);
    expect(openJob).to.equal(undefined);
  });

  it("are named, and never by a path", () => {
    const names = ["../ledger", `${FIRST}/..`, "/etc", "", ".", `${FIRST}.partial`, `${FIRST}\n`];
    for (const name of names)
      expect(backupRequestSchema.safeParse(request(name)).success, name).to.equal(false);
    expect(backupRequestSchema.safeParse(request(FIRST)).success).to.equal(true);
  });

  describe("removing one", () => {
    it("removes it and nothing else", async () => {
      await backup(FIRST);
      await backup(SECOND);
      expect(await remove(FIRST)).to.deep.equal({ answer: "removed" });
      expect(await there()).to.deep.equal([SECOND]);
    });

    it("never removes the last one that is proven", async () => {
      await backup(FIRST);
      await backup(SECOND, false);
      const answer = await remove(FIRST);
      expect(answer.answer).to.equal("refused");
      expect(JSON.stringify(answer)).to.contain("the only one that is known to restore");
      expect(await remove(SECOND)).to.deep.equal({ answer: "removed" });
      expect(await there()).to.deep.equal([FIRST]);
    });

    it("refuses a name that no backup has, and one that is a link", async () => {
      await backup(FIRST);
      await mkdir(temporary("elsewhere"));
      await writeFile(temporary("elsewhere", "manifest.json"), '{ "format": 1 }');
      await symlink(temporary("elsewhere"), join(paths().backups, SECOND));
      for (const name of [SECOND, "000003-20240101T000000Z"])
        expect(JSON.stringify(await remove(name))).to.contain(`There is no backup ${name}`);
      expect(await readdir(temporary("elsewhere"))).to.deep.equal(["manifest.json"]);
      expect(await there()).to.deep.equal([FIRST, SECOND]);
    });

    it("waits for no job: it is refused with whoever holds the instance", async () => {
      await backup(FIRST);
      await backup(SECOND);
      await makeContext(temporary("chat"), switchPlan({ requestedBy: "anna@home" }));
      expect(JSON.stringify(await remove(FIRST)))
        .to.contain("Another job is under way")
        .and.to.contain("anna@home");
      expect(await there()).to.deep.equal([FIRST, SECOND]);
    });

    it("is refused while a person has to decide: it may be the way out", async () => {
      await backup(FIRST);
      await backup(SECOND);
      await writeFile(paths().needsOperator, "job 2 could not go back\n");
      expect(JSON.stringify(await remove(FIRST))).to.contain("npx chatalot resolve");
      expect(await there()).to.deep.equal([FIRST, SECOND]);
    });

    it("is refused where there is no instance, and makes none", async () => {
      await rm(temporary("chat"), { recursive: true });
      expect(JSON.stringify(await remove(FIRST))).to.contain("There is no instance");
      expect(await readdir(temporary())).to.not.include("chat");
    });

    it("ends what a kill left half removed", async () => {
      await backup(FIRST);
      await backup(SECOND);
      await mkdir(join(paths().backups, `${SECOND}.partial`));
      await removeBackup(paths(), SECOND);
      expect(await there()).to.deep.equal([FIRST]);
      await removeBackup(paths(), SECOND);
      expect(await there()).to.deep.equal([FIRST]);
    });
  });

  describe("sending one", () => {
    async function sent(name: string): Promise<string> {
      const chunks: Buffer[] = [];
      await sendBackup(
        { ...request(name), part: "content" },
        new Writable({
          write: (chunk: Buffer, _encoding, done) => {
            chunks.push(chunk);
            done();
          },
        }),
      );
      return Buffer.concat(chunks).toString("utf8");
    }

    it("gives its bytes", async () => {
      await backup(FIRST);
      expect(await sent(FIRST)).to.equal("hello world");
    });

    it("follows no link to another file", async () => {
      await backup(FIRST);
      const file = dumpFile(paths(), FIRST);
      await writeFile(temporary("secret"), "a secret");
      await rm(file);
      await symlink(temporary("secret"), file);
      expect((await errorOf(() => sent(FIRST))).message).to.contain("ELOOP");
      expect((await errorOf(() => sent(SECOND))).message).to.contain("There is no backup");
    });
  });

  describe("asking for a job", () => {
    const base = switchPlan();
    const common: Omit<RemoveRequest, "kind" | "directory"> = {
      ...{ protocol: PROTOCOL, project: "chat", volumes: [], requestedBy: "me@here" },
    };
    const ask = async (asked: { kind: "backup" } | { kind: "check-backups"; backups?: string[] }) =>
      backupWork(
        paths(),
        { ...common, directory: temporary("chat"), ...asked },
        base,
        await Ledger.read(paths()),
      );

    it("is refused for a backup where nothing has served", async () => {
      expect(JSON.stringify(await ask({ kind: "backup" }))).to.contain("nothing to back up");
    });

    it("checks all that there are, or those that are named", async () => {
      expect(JSON.stringify(await ask({ kind: "check-backups" }))).to.contain("no backup yet");
      await backup(FIRST);
      await backup(SECOND);
      const all = await ask({ kind: "check-backups" });
      expect(all).to.deep.include({ wanted: { kind: "check-backups", backups: [FIRST, SECOND] } });
      const unknown = await ask({ kind: "check-backups", backups: ["000003-20240101T000000Z"] });
      expect(JSON.stringify(unknown)).to.contain("There is no backup 000003-20240101T000000Z");
    });

    it("makes no instance where there is none", async () => {
      await rm(temporary("chat"), { recursive: true });
      const answer = await submit(
        { ...common, directory: temporary("chat"), kind: "backup" },
        { node: "/usr/bin/node", updater: "/opt/updater.mjs" },
      );
      expect(answer.answer).to.equal("refused");
      expect(await readdir(temporary())).to.not.include("chat");
    });

    it("always has something to do for a backup where a release has served", async () => {
      await makeContext(temporary("chat"), switchPlan(), [ledgerRecord()]);
      expect(await ask({ kind: "backup" })).to.deep.include({
        ...{ unchanged: false, wanted: { kind: "backup", files: false } },
      });
    });
  });
});
