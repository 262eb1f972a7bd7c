import { open, readFile, stat, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { boundUnitLog } from "../../updater/unit-log.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("boundUnitLog", () => {
  const temporary = useTemporaryDirectory();
  const limits = { maximum: 1_000, kept: 200 };

  it("leaves a small log, and one that is not there, as it is", async () => {
    await boundUnitLog(temporary("log"), limits);
    await writeFile(temporary("log"), "one line\n");
    await boundUnitLog(temporary("log"), limits);
    expect(await readFile(temporary("log"), "utf8")).to.equal("one line\n");
  });

  it("keeps the newest whole lines, in the file that its writer has open", async () => {
    const lines = Array.from({ length: 200 }, (_, index) => `line ${index}\n`);
    await writeFile(temporary("log"), lines.join(""));
    const writer = await open(temporary("log"), "a");
    await boundUnitLog(temporary("log"), limits);
    await writer.write("the next\n");
    await writer.close();
    const kept = (await readFile(temporary("log"), "utf8")).trim().split("\n");
    expect(kept[0]).to.equal("(older lines were cut off)");
    expect(kept[1]).to.match(/^line \d+$/);
    expect(kept.slice(-2)).to.deep.equal(["line 199", "the next"]);
    expect((await stat(temporary("log"))).size).to.be.lessThan(300);
  });
});
