import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { rmSync, symlinkSync } from "node:fs";
import {
  link,
  mkdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { expect } from "chai";
import { bytesToCollect, collect, type Earlier } from "../../../updater/backup-files/collect.ts";
import { differenceOf } from "../../../updater/backup-files/compare.ts";
import type { FileList } from "../../../updater/backup-files/file-list.ts";
import { useTemporaryDirectory } from "../temporary.ts";

/** The socket stays when its process has ended. */
const SOCKET = "require('net').createServer().listen(process.argv[1], () => process.exit())";

describe("collecting the files of a backup", () => {
  const temporary = useTemporaryDirectory();
  const sources = () => [{ path: "uploads", folder: temporary("live") }];
  const paths = ({ files }: FileList): string[] => files.map(({ path }) => path);
  const inode = async (path: string): Promise<number> => (await stat(path)).ino;

  /** Takes a backup after another one. */
  async function take(name: string, earlier?: Earlier): Promise<Earlier> {
    const folder = temporary(name);
    await mkdir(folder);
    const options = earlier === undefined ? {} : { earlier };
    return { folder, list: await collect(sources(), folder, options) };
  }

  beforeEach(async () => {
    await mkdir(temporary("live", "ab"), { recursive: true });
    await writeFile(temporary("live", "one"), "first");
    await writeFile(temporary("live", "ab", "two"), "second", { mode: 0o640 });
  });

  it("copies every file with its digest, owner and mode, and every folder", async () => {
    const { folder, list } = await take("first");
    expect(list.folders.map(({ path }) => path)).to.deep.equal(["uploads", "uploads/ab"]);
    expect(paths(list)).to.deep.equal(["uploads/ab/two", "uploads/one"]);
    const [two] = list.files;
    const facts = await stat(temporary("live", "ab", "two"));
    expect(two).to.include({
      ...{ size: 6, mode: 0o640, uid: facts.uid, gid: facts.gid },
      sha256: createHash("sha256").update("second").digest("hex"),
    });
    expect(await readFile(`${folder}/uploads/ab/two`, "utf8")).to.equal("second");
    expect((await stat(`${folder}/uploads/ab/two`)).mode & 0o777).to.equal(0o600);
    expect(await differenceOf(folder, list)).to.equal(undefined);
  });

  for (const [what, make] of [
    ["pipe", (path: string) => execFileSync("mkfifo", [path])],
    ["link", (path: string) => symlinkSync("ab/two", path)],
    ["socket", (path: string) => execFileSync(process.execPath, ["--eval", SOCKET, path])],
  ] as const)
    it(`leaves a file out that becomes a ${what} in the middle, and waits for nobody`, async () => {
      await mkdir(temporary("backup"));
      const list = await collect(sources(), temporary("backup"), {
        report: (count) => {
          if (count > 1) return;
          rmSync(temporary("live", "one"));
          make(temporary("live", "one"));
        },
      });
      expect(paths(list)).to.deep.equal(["uploads/ab/two"]);
    });

  it("links what the backup before has, and never the file that the server uses", async () => {
    const first = await take("first");
    await writeFile(temporary("live", "new"), "third");
    expect(await bytesToCollect(sources(), first)).to.equal("third".length);
    const second = await take("second", first);
    expect(await inode(`${second.folder}/uploads/one`)).to.equal(
      await inode(`${first.folder}/uploads/one`),
    );
    for (const name of ["one", "new"])
      expect(await inode(`${second.folder}/uploads/${name}`)).to.not.equal(
        await inode(temporary("live", name)),
      );
    await rm(first.folder, { recursive: true });
    expect(await differenceOf(second.folder, second.list)).to.equal(undefined);
  });

  it("copies anew what changed, and what the backup before lost", async () => {
    const first = await take("first");
    await writeFile(temporary("live", "one"), "FIRST");
    await utimes(temporary("live", "one"), new Date(), new Date(Date.now() + 5_000));
    await truncate(`${first.folder}/uploads/ab/two`, 3);
    const second = await take("second", first);
    expect(await readFile(`${second.folder}/uploads/one`, "utf8")).to.equal("FIRST");
    expect(await readFile(`${second.folder}/uploads/ab/two`, "utf8")).to.equal("second");
    expect(await readFile(`${first.folder}/uploads/one`, "utf8")).to.equal("first");
  });

  it("follows no link that somebody put among the uploads, to a file or a folder", async () => {
    await mkdir(temporary("etc"));
    await writeFile(temporary("etc", "shadow"), "a secret");
    await symlink(temporary("etc", "shadow"), temporary("live", "file"));
    await symlink(temporary("etc"), temporary("live", "folder"));
    const { list } = await take("first");
    expect(paths(list)).to.deep.equal(["uploads/ab/two", "uploads/one"]);
  });

  it("takes single files beside a folder", async () => {
    await writeFile(temporary("keys.json"), "{}");
    await mkdir(temporary("whole"));
    const list = await collect(
      [...sources(), { path: "uploads/keys.json", file: temporary("keys.json") }],
      temporary("whole"),
    );
    expect(paths(list)).to.include("uploads/keys.json");
  });

  it("notices a copy that is not what was written, once for all backups that share it", async () => {
    const first = await take("first");
    const second = await take("second", first);
    await writeFile(`${first.folder}/uploads/one`, "FIRST");
    const digests = new Map<string, string>();
    for (const { folder, list } of [first, second])
      expect(await differenceOf(folder, list, digests))
        .to.contain('"uploads/one" has the SHA-256')
        .and.not.to.contain("more");
    expect(digests.size).to.equal(2);
    await rm(`${second.folder}/uploads/one`);
    await link(temporary("live", "one"), `${second.folder}/uploads/one`);
    await rm(`${second.folder}/uploads/ab/two`);
    expect(await differenceOf(second.folder, second.list)).to.contain("can't be read");
  });
});
