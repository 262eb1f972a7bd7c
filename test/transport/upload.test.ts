import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { openTransport, uploadFile, type Transport, type Upload } from "../../transport/index.ts";
import { failureOf } from "./errors.ts";
import { startServer, waitUntil, type TestServer } from "./sshd.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("uploadFile", function () {
  this.timeout(120_000);
  let server: TestServer;
  let transport: Transport;
  let directory: string;
  let destination: string;

  before(async function () {
    this.timeout(300_000);
    server = await startServer();
    transport = openTransport(server.address);
  });

  after(async () => {
    await transport.close();
    await server.stop();
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "upload-"));
    destination = join(directory, "file");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const upload = (fields: Partial<Upload> = {}) =>
    uploadFile(transport, {
      content: Buffer.from("new"),
      destination,
      mode: 0o600,
      timeout: 60_000,
      ...fields,
    });

  it("puts bytes, a file or a stream in place, with these rights, for root", async () => {
    const bytes = Buffer.alloc(3_000_001, "\0\r\nü");
    const local = join(directory, "local");
    writeFileSync(local, bytes);
    const contents = [bytes, { file: local }, Readable.from([bytes])];
    for (const [index, content] of contents.entries()) {
      const name = `${destination}${index}`;
      const result = await upload({
        content,
        destination: name,
        mode: 0o640,
        ...(content instanceof Readable ? { sha256: sha256(bytes) } : {}),
      });
      expect(result).to.deep.equal({ written: true, sha256: sha256(bytes) });
      expect(readFileSync(name).equals(bytes)).to.equal(true);
      expect(statSync(name).mode & 0o7777).to.equal(0o640);
      expect(statSync(name).uid).to.equal(0);
    }
  });

  it("says that the same file is there already, and corrects its rights", async () => {
    await upload({ mode: 0o644 });
    expect((await upload({ mode: 0o600 })).written).to.equal(false);
    expect(statSync(destination).mode & 0o777).to.equal(0o600);
  });

  it("leaves another file, a link and a directory of this name as they are", async () => {
    writeFileSync(destination, "old");
    const target = join(directory, "target");
    writeFileSync(target, "new");
    symlinkSync(target, `${destination}-link`);
    mkdirSync(`${destination}-directory`);
    for (const name of [destination, `${destination}-link`, `${destination}-directory`]) {
      const error = await failureOf(upload({ destination: name }), "exit-code");
      expect(error.message).to.contain("something else is there under this name");
    }
    expect(readFileSync(destination, "utf8")).to.equal("old");
    expect(readdirSync(`${destination}-directory`)).to.deep.equal([]);
    expect(readdirSync(directory)).to.have.length(4);
  });

  it("replaces another file where told so, and a link instead of what it points to", async () => {
    writeFileSync(destination, "old");
    const target = join(directory, "target");
    writeFileSync(target, "old");
    symlinkSync(target, `${destination}-link`);
    await upload({ replace: true });
    await upload({ replace: true, destination: `${destination}-link` });
    expect(readFileSync(destination, "utf8")).to.equal("new");
    expect(readFileSync(`${destination}-link`, "utf8")).to.equal("new");
    expect(readFileSync(target, "utf8")).to.equal("old");
  });

  it("puts nothing in place that isn't what was announced", async () => {
    writeFileSync(destination, "old");
    const wrong = upload({ sha256: sha256(Buffer.from("else")), replace: true });
    expect((await failureOf(wrong, "exit-code")).message).to.contain("arrived damaged");
    expect(readFileSync(destination, "utf8")).to.equal("old");
    expect(readdirSync(directory)).to.deep.equal(["file"]);
  });

  it("puts nothing in place when the content breaks off", async () => {
    const bytes = Buffer.from("a whole file");
    let sent = false;
    const content = new Readable({
      read() {
        if (sent) this.destroy(new Error("disk is gone"));
        else this.push(bytes.subarray(0, 5));
        sent = true;
      },
    });
    const error = await upload({ content, sha256: sha256(bytes) }).catch((thrown: Error) => thrown);
    expect(error).to.be.instanceOf(Error);
    expect(existsSync(destination)).to.equal(false);
  });

  it("shows nobody a part of the file while it arrives", async () => {
    const seen = new Set<string>();
    async function* slowly(): AsyncGenerator<Buffer> {
      for (let chunk = 0; chunk < 20; chunk++) {
        yield Buffer.alloc(100_000);
        // The rest is not sent before something of it is there.
        await waitUntil("the file arrives", () => readdirSync(directory).length > 0);
        for (const name of readdirSync(directory)) {
          seen.add(name);
          expect(statSync(join(directory, name)).mode & 0o777).to.equal(0o600);
        }
        await sleep(20);
      }
    }
    const content = Readable.from(slowly());
    await upload({ content, sha256: sha256(Buffer.alloc(2_000_000)) });
    expect([...seen]).to.have.length(1);
    expect([...seen][0]).to.match(/^\.chatalot-upload\./);
    expect(readdirSync(directory)).to.deep.equal(["file"]);
  });

  it("removes what an upload left behind days ago", async () => {
    const old = join(directory, ".chatalot-upload.abcdefghij");
    const young = join(directory, ".chatalot-upload.klmnopqrst");
    writeFileSync(old, "");
    writeFileSync(young, "");
    const days = Date.now() / 1_000 - 3 * 86_400;
    utimesSync(old, days, days);
    await upload();
    expect([existsSync(old), existsSync(young)]).to.deep.equal([false, true]);
  });

  it("takes names that mean something to a shell, and none that is no plain path", async () => {
    for (const name of ["$(touch PWNED)", "-n", "a b", "'", "*"]) {
      await upload({ destination: join(directory, name) });
      expect(readFileSync(join(directory, name), "utf8")).to.equal("new");
    }
    for (const wrong of ["file", "./file", "/a/../b", "/a/", "/a\nb", "/a\0b", ""]) {
      const error = await upload({ destination: wrong }).catch((thrown: unknown) => thrown);
      expect(error, wrong).to.be.instanceOf(TypeError);
    }
  });

  it("fails where the directory does not exist", async () => {
    const run = upload({ destination: join(directory, "none", "file") });
    await failureOf(run, "exit-code");
  });

  it("keeps the content out of errors", async () => {
    const content = Buffer.from("SECRET");
    const run = upload({ content, destination: join(directory, "none", "file") });
    expect((await failureOf(run, "exit-code")).stack).not.to.contain("SECRET");
  });
});
