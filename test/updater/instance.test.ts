import { mkdir, stat, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { expect } from "chai";
import { nameExists } from "../../updater/files.ts";
import {
  ensureInstance,
  ensureSecrets,
  keyedDigest,
  readInstance,
  withReserve,
} from "../../updater/instance.ts";
import { instancePaths } from "../../updater/paths.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

const secretsOf = (letter: string) => ({
  databasePassword: letter.repeat(32),
  totpEncryptionKey: letter.repeat(64),
  jwtPrivateKey: `private ${letter}`,
  jwtPublicKey: `public ${letter}`,
});

describe("an instance", () => {
  const temporary = useTemporaryDirectory();
  const paths = () => instancePaths(temporary("chat"));

  it("is made once and stays what it is", async () => {
    expect(await readInstance(paths())).to.equal(undefined);
    const made = await ensureInstance(paths(), "chat");
    expect(made.id).to.match(/^[0-9a-f]{16}$/);
    expect(await ensureInstance(paths(), "other")).to.deep.equal(made);
    expect(await readInstance(paths())).to.deep.equal(made);
  });

  it("keeps what is secret where only root can look", async () => {
    await ensureInstance(paths(), "chat");
    await ensureSecrets(paths(), secretsOf("a"));
    await keyedDigest(paths(), 1);
    expect((await stat(paths().state)).mode & 0o777).to.equal(0o700);
    for (const file of [paths().secretsFile, paths().digestKeyFile, paths().instanceFile])
      expect((await stat(file)).mode & 0o777, file).to.equal(0o600);
  });

  it("keeps the secrets that it has, whatever a stack proposes later", async () => {
    await ensureInstance(paths(), "chat");
    expect(await ensureSecrets(paths(), undefined)).to.equal(undefined);
    expect(await ensureSecrets(paths(), secretsOf("a"))).to.deep.equal(secretsOf("a"));
    expect(await ensureSecrets(paths(), undefined)).to.deep.equal(secretsOf("a"));
    expect(await ensureSecrets(paths(), secretsOf("b"))).to.deep.equal(secretsOf("a"));
  });

  it("knows equal values by their digest, in whatever order they were written", async () => {
    await ensureInstance(paths(), "chat");
    const digest = await keyedDigest(paths(), { a: 1, b: [{ c: 2, d: 3 }] });
    expect(await keyedDigest(paths(), { b: [{ d: 3, c: 2 }], a: 1 })).to.equal(digest);
    expect(await keyedDigest(paths(), { a: 1, b: [{ c: 2, d: 4 }] })).not.to.equal(digest);
  });

  it("gives digests that mean nothing on another server", async () => {
    const other = instancePaths(temporary("other"));
    await ensureInstance(paths(), "chat");
    await ensureInstance(other, "chat");
    expect(await keyedDigest(paths(), "secret")).not.to.equal(await keyedDigest(other, "secret"));
  });
});

describe("withReserve", () => {
  const temporary = useTemporaryDirectory();

  it("gives the reserve up for what finds no room on the disk or in a quota, and for nothing else", async () => {
    const paths = instancePaths(temporary());
    await mkdir(paths.state, { recursive: true });
    // As Node makes it; of a quota it knows the number alone.
    const writing = (errno: number) => async (): Promise<void> => {
      if (await nameExists(paths.reserve)) throw Object.assign(new Error(`${errno}`), { errno });
    };
    await writeFile(paths.reserve, "reserved");
    const error = await errorOf(async () => withReserve(paths, writing(-constants.errno.EROFS)));
    expect(error.message).to.equal(`${-constants.errno.EROFS}`);
    expect(await nameExists(paths.reserve)).to.equal(true);
    for (const name of ["ENOSPC", "EDQUOT"] as const) {
      await writeFile(paths.reserve, "reserved");
      await withReserve(paths, writing(-constants.errno[name]));
      expect(await nameExists(paths.reserve), name).to.equal(false);
    }
  });
});
