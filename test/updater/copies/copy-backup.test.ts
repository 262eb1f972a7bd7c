import { expect } from "chai";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decryptCopy } from "../../../cli/backup/decrypt.ts";
import { readLocalBackup } from "../../../cli/restore/folder.ts";
import { Cipher } from "../../../updater/copies/cipher.ts";
import { type Copied, copyBackup } from "../../../updater/copies/copy-backup.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";
import { writeBackup } from "./samples.ts";

const [FIRST, SECOND] = ["000012-20260301T201500Z", "000013-20260302T201500Z"];
const FILES = { "uploads/a": "a picture", "configuration/.env": "SECRET=topsecret" };

describe("a copy of a backup at another place", () => {
  const temporary = useTemporaryDirectory();
  let place: string;
  let first: Copied;

  beforeEach(async () => {
    place = temporary("place");
    await mkdir(place);
    first = await writeBackup(temporary("backups"), FIRST, "a dump", FILES);
  });

  const inode = async (...path: string[]): Promise<number> =>
    (await stat(join(place, ...path))).ino;

  const asCopied = (source: Copied): Copied => ({
    ...source,
    folder: join(place, source.backup.name),
  });

  /** Someone's key pair, whose private half is in a file. */
  async function keyPair(name = "key.txt"): Promise<string> {
    const identity = await generateX25519Identity();
    await writeFile(temporary(name), `# created by a test\n${identity}\n`);
    return identityToRecipient(identity);
  }

  const silent = { tell: () => undefined, status: () => undefined };

  it("is a backup that can be brought back as a fetched one", async () => {
    await copyBackup(first, place);
    const found = await readLocalBackup(join(place, FIRST));
    expect(found.manifest).to.deep.equal(first.backup.manifest);
    expect(await readdir(place)).to.deep.equal([FIRST]);
    expect((await stat(join(place, FIRST))).mode & 0o777).to.equal(0o700);
  });

  it("links what the copy before has, and writes what is new", async () => {
    await copyBackup(first, place);
    const files = { ...FILES, "uploads/b": "another picture" };
    const second = await writeBackup(temporary("backups"), SECOND, "another dump", files);
    await copyBackup(second, place, { earlier: asCopied(first) });
    expect(await inode(SECOND, "uploads/a")).to.equal(await inode(FIRST, "uploads/a"));
    expect(await inode(SECOND, "uploads/a")).not.to.equal(
      (await stat(join(second.folder, "uploads/a"))).ino,
    );
    await rm(join(place, FIRST), { recursive: true });
    await readLocalBackup(join(place, SECOND));
  });

  it("writes anew what changed under the same name, and what is gone from the copy before", async () => {
    await copyBackup(first, place);
    await rm(join(place, FIRST, "configuration/.env"));
    const second = await writeBackup(temporary("backups"), SECOND, "x", {
      ...FILES,
      "uploads/a": "one more",
    });
    await copyBackup(second, place, { earlier: asCopied(first) });
    await readLocalBackup(join(place, SECOND));
  });

  it("of a backup that has become bad is not made, and leaves nothing behind", async () => {
    await writeFile(join(first.folder, "uploads/a"), "a pictura");
    const error = await errorOf(() => copyBackup(first, place));
    expect(error.message).to.match(/^"uploads\/a" was read with the SHA-256 .*, and not /);
    expect(await readdir(place)).to.deep.equal([]);
  });

  it("follows no link in the place of a file", async () => {
    await rm(join(first.folder, "uploads/a"));
    await symlink("/etc/hostname", join(first.folder, "uploads/a"));
    expect((await errorOf(() => copyBackup(first, place))).message).to.contain("ELOOP");
  });

  describe("that is encrypted", () => {
    it("has nothing in plain but what it consists of, and opens to the same backup", async () => {
      const cipher = await Cipher.for([await keyPair()]);
      await copyBackup(first, place, { cipher });
      const names = await readdir(join(place, FIRST), { recursive: true });
      expect(names.filter((name) => /\.env$|dump$|uploads\/a$/.test(name))).to.deep.equal([]);
      for (const name of names.filter((path) => path.endsWith(".age")))
        expect((await readFile(join(place, FIRST, name))).includes("topsecret")).to.equal(false);
      const opened = await decryptCopy(
        join(place, FIRST),
        { identity: temporary("key.txt"), to: temporary("opened") },
        silent,
      );
      const local = await readLocalBackup(opened);
      expect(local.manifest).to.deep.equal(first.backup.manifest);
      expect(await readFile(join(opened, "configuration/.env"), "utf8")).to.equal(
        FILES["configuration/.env"],
      );
    });

    it("is not taken for a backup as it is, and says how to open it", async () => {
      await copyBackup(first, place, { cipher: await Cipher.for([await keyPair()]) });
      const error = await errorOf(() => readLocalBackup(join(place, FIRST)));
      expect(error.message).to.contain("npx chatalot backup decrypt");
    });

    it("opens with no other key, not even for the server that made it", async () => {
      await copyBackup(first, place, { cipher: await Cipher.for([await keyPair()]) });
      await keyPair("other.txt");
      const options = { identity: temporary("other.txt"), to: temporary("opened") };
      const error = await errorOf(() => decryptCopy(join(place, FIRST), options, silent));
      expect(error.message).to.match(/can't be opened: "database\.dump": .*Nothing was written/);
      expect(await readdir(temporary("opened"))).to.deep.equal([]);
      const again = await Cipher.for([await keyPair("third.txt")]);
      await errorOf(() => again.digestOf(join(place, FIRST, "database.dump.age")));
    });

    it("links to the copy before as one in plain does", async () => {
      const cipher = await Cipher.for([await keyPair()]);
      await copyBackup(first, place, { cipher });
      const second = await writeBackup(temporary("backups"), SECOND, "another dump", FILES);
      await copyBackup(second, place, { cipher, earlier: asCopied(first) });
      expect(await inode(SECOND, "uploads/a.age")).to.equal(await inode(FIRST, "uploads/a.age"));
    });

    it("that was changed is found out when it is opened", async () => {
      await copyBackup(first, place, { cipher: await Cipher.for([await keyPair()]) });
      const file = join(place, FIRST, "database.dump.age");
      const bytes = await readFile(file);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await writeFile(file, bytes);
      const options = { identity: temporary("key.txt"), to: temporary("opened") };
      await errorOf(() => decryptCopy(join(place, FIRST), options, silent));
      expect(await readdir(temporary("opened"))).to.deep.equal([]);
    });

    it("is refused for what is no public key, without a private one in the text", async () => {
      const error = await errorOf(() => Cipher.for(["age1notakey"]));
      expect(error.message).to.match(/^"age1notakey" is no age recipient: /);
      await writeFile(temporary("empty.txt"), "# nothing\n");
      const options = { identity: temporary("empty.txt"), to: temporary("opened") };
      const missing = await errorOf(() => decryptCopy(join(place, FIRST), options, silent));
      expect(missing.message).to.contain("no line that begins with AGE-SECRET-KEY-");
    });
  });
});
