import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { appendRecord, frame, readRecords } from "../../updater/framed-log.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

describe("framed log", () => {
  const temporary = useTemporaryDirectory();

  it("gives records back in the order in which they were appended", async () => {
    const records = [{ n: 1 }, { text: "line\nfeed, ü and \u0000" }, [], null];
    for (const record of records) await appendRecord(temporary("log"), record);
    expect(await readRecords(temporary("log"))).to.deep.equal(records);
  });

  it("has no records where there is no file, or an empty one", async () => {
    expect(await readRecords(temporary("log"))).to.deep.equal([]);
    await writeFile(temporary("log"), "");
    expect(await readRecords(temporary("log"))).to.deep.equal([]);
    await appendRecord(temporary("log"), { n: 1 });
    expect(await readRecords(temporary("log"))).to.deep.equal([{ n: 1 }]);
  });

  it("is readable for its owner only", async () => {
    await appendRecord(temporary("log"), { n: 1 });
    expect((await stat(temporary("log"))).mode & 0o777).to.equal(0o600);
  });

  it("cuts a last line that was torn at any byte, and loses nothing around it", async () => {
    const path = temporary("log");
    const first = frame({ n: 1 });
    const torn = frame({ n: 2, text: "äöü" });
    for (let length = 0; length < torn.length; length += 1) {
      await writeFile(path, Buffer.concat([first, torn.subarray(0, length)]));
      expect(await readRecords(path), `torn at ${length}`).to.deep.equal([{ n: 1 }]);
      await appendRecord(path, { n: 3 });
      expect(await readFile(path), `torn at ${length}`).to.deep.equal(
        Buffer.concat([first, frame({ n: 3 })]),
      );
    }
  });

  it("cuts what a file system may put behind the last record after a power cut", async () => {
    const path = temporary("log");
    for (const rest of ["\0\0\0\0", "\n", "\n\n", "garbage without a line feed", "garbage\n"]) {
      await writeFile(path, Buffer.concat([frame({ n: 1 }), Buffer.from(rest)]));
      expect(await readRecords(path), JSON.stringify(rest)).to.deep.equal([{ n: 1 }]);
      await appendRecord(path, { n: 2 });
      expect(await readRecords(path), JSON.stringify(rest)).to.deep.equal([{ n: 1 }, { n: 2 }]);
    }
  });

  it("takes no record for good of which a single byte is another", async () => {
    const path = temporary("log");
    const good = frame({ amount: 1234 });
    for (let position = 0; position < good.length; position += 1) {
      const damaged = Buffer.from(good);
      damaged[position] = (damaged[position] ?? 0) ^ 0x01;
      await writeFile(path, damaged);
      const read = await readRecords(path).catch(() => []);
      expect(read, `byte ${position}`).to.deep.equal([]);
    }
  });

  it("is left as it is where it is damaged in its middle: records are behind that", async () => {
    const path = temporary("log");
    const damaged = Buffer.concat([frame({ n: 1 }), frame({ n: 2 }), frame({ n: 3 })]);
    const position = frame({ n: 1 }).length + 25;
    damaged[position] = (damaged[position] ?? 0) ^ 0x01;
    await writeFile(path, damaged);
    const { message } = await errorOf(() => appendRecord(path, { n: 4 }));
    expect(message).to.contain(`damaged in its middle, at byte ${frame({ n: 1 }).length}`);
    expect(await readFile(path)).to.deep.equal(damaged);
  });

  it("shows a reader whole records while one is being appended", async () => {
    const path = temporary("log");
    const reads: Promise<{ n: number }[]>[] = [];
    for (let n = 0; n < 20; n += 1) {
      const appended = appendRecord(path, { n, padding: "x".repeat(20_000) });
      reads.push(readRecords(path), readRecords(path));
      await appended;
      reads.push(readRecords(path));
    }
    for (const records of await Promise.all(reads))
      expect(records.map(({ n }) => n)).to.deep.equal(records.map((_, index) => index));
    expect(await readRecords(path)).to.have.length(20);
  });

  it("fails where the file can't be read, and doesn't take that for an empty log", async () => {
    expect(await errorOf(() => readRecords(temporary()))).to.include({ code: "EISDIR" });
    expect(await errorOf(() => appendRecord(temporary("none", "log"), {}))).to.include({
      code: "ENOENT",
    });
  });

  it("appends to what another program's append left whole", async () => {
    await appendFile(temporary("log"), frame({ n: 1 }));
    await appendFile(temporary("log"), frame({ n: 2 }));
    await appendRecord(temporary("log"), { n: 3 });
    expect(await readRecords(temporary("log"))).to.have.length(3);
  });
});
