import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { type Part, receiveContent, sendContent } from "../../../updater/backup-files/content.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

const FILES: Record<string, string> = {
  "database.dump": "PGDMP and more",
  "uploads/empty": "",
  "uploads/ab/one": "first",
  "uploads/two": "x".repeat(100_000),
  "uploads/last": "",
};

describe("a backup on its way", () => {
  const temporary = useTemporaryDirectory();
  const parts: Part[] = Object.entries(FILES).map(([path, text]) => ({
    ...{ path, size: text.length },
    sha256: createHash("sha256").update(text).digest("hex"),
  }));

  async function sent(): Promise<Buffer> {
    const stream = new PassThrough();
    const collected = buffer(stream);
    await sendContent(temporary("from"), parts, stream);
    stream.end();
    return collected;
  }

  async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  beforeEach(async () => {
    await mkdir(temporary("from", "uploads", "ab"), { recursive: true });
    for (const [path, text] of Object.entries(FILES))
      await writeFile(temporary("from", path), text);
    await mkdir(temporary("to"));
  });

  for (const size of [1, 7, 64 * 1024, 1_000_000])
    it(`arrives as it was sent, in pieces of ${size} bytes`, async () => {
      await receiveContent(inPieces(await sent(), size), parts, temporary("to"));
      for (const [path, text] of Object.entries(FILES))
        expect(await readFile(temporary("to", path), "utf8"), path).to.equal(text);
    });

  for (const [what, change, cause] of [
    ["is cut", (bytes: Buffer) => bytes.subarray(0, -1), 'ended in "uploads/two", with 1 of'],
    ["is empty", () => Buffer.alloc(0), 'ended in "database.dump"'],
    ["is too long", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("!")]), "more came"],
    [
      "has another byte",
      (bytes: Buffer) => Buffer.concat([Buffer.from("Q"), bytes.subarray(1)]),
      '"database.dump" arrived with the SHA-256',
    ],
  ] as const)
    it(`is refused where it ${what}`, async () => {
      const bytes = change(await sent());
      const take = () => receiveContent(inPieces(bytes, 1_000), parts, temporary("to"));
      expect((await errorOf(take)).message).to.contain(cause);
    });

  it("is not sent where a file is a link, or has another length", async () => {
    await writeFile(temporary("secret"), "first");
    await rm(temporary("from", "uploads", "ab", "one"));
    await symlink(temporary("secret"), temporary("from", "uploads", "ab", "one"));
    expect((await errorOf(sent)).message).to.contain("ELOOP");
    await rm(temporary("from", "uploads", "ab", "one"));
    await writeFile(temporary("from", "uploads", "ab", "one"), "first and more");
    expect((await errorOf(sent)).message).to.contain("has 14 bytes, and 5 were written");
  });

  it("never writes over what is there", async () => {
    await writeFile(temporary("to", "database.dump"), "mine");
    const bytes = await sent();
    const take = () => receiveContent(inPieces(bytes, 1_000), parts, temporary("to"));
    expect((await errorOf(take)).message).to.contain("EEXIST");
    expect(await readdir(temporary("to"))).to.deep.equal(["database.dump"]);
  });
});
