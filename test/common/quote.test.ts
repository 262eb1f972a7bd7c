import { expect } from "chai";
import { execa } from "execa";
import { quote, quoteCommand } from "../../common/quote.ts";
import { HOSTILE_VALUES, randomText } from "../support/hostile-values.ts";

/** What a real shell makes of a command text: the arguments that arrive, in order. */
async function arguments_(argv: readonly string[]): Promise<string[]> {
  const command = quoteCommand(["printf", "%s\\0", ...argv]);
  const { stdout } = await execa("/bin/sh", ["-c", command], { stripFinalNewline: false });
  return stdout.split("\0").slice(0, -1);
}

describe("quoteCommand", () => {
  it("gives a real shell every hostile value as it is", async () => {
    const values = HOSTILE_VALUES.filter(
      (value) => !value.includes("\0") && value.length < 100_000,
    );
    expect(values).to.have.length.above(30);
    expect(await arguments_(values)).to.deep.equal(values);
  });

  it("gives a real shell random texts as they are", async () => {
    for (let round = 0; round < 20; round++) {
      const values = Array.from({ length: 50 }, () => randomText());
      expect(await arguments_(values)).to.deep.equal(values);
    }
  });

  it("never lets an argument become an assignment or an option of the shell", async () => {
    const { stdout, exitCode } = await execa("/bin/sh", ["-c", quoteCommand(["a=b", "true"])], {
      reject: false,
    });
    expect(stdout).to.equal("");
    expect(exitCode).to.equal(127);
  });

  it("leaves plain words readable", () => {
    expect(quoteCommand(["ls", "-l", "/srv/chatalot"])).to.equal("ls -l /srv/chatalot");
    expect(quote("")).to.equal("''");
  });

  it("refuses a NUL character", () => {
    expect(() => quote("a\0b")).to.throw(TypeError, "NUL");
  });

  it("refuses an empty vector and a command that no system would take", () => {
    expect(() => quoteCommand([])).to.throw(TypeError, "name of a program");
    expect(() => quoteCommand(["echo", "x".repeat(1_000_000)])).to.throw(TypeError, "128 KiB");
  });
});
