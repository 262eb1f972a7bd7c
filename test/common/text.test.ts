import { expect } from "chai";
import { plainText } from "../../common/text.ts";

describe("plainText", () => {
  const cases: [string, string, string][] = [
    ["colours", "\u001b[1;31mERROR\u001b[0m it", "ERROR it"],
    ["colours with 24 bits", "\u001b[38;2;1;2;3mx\u001b[m", "x"],
    ["movements of the cursor", "a\u001b[2J\u001b[1;1Hb\u001b[Kc", "abc"],
    ["a title ended by a bell", "\u001b]0;title\u0007text", "text"],
    ["a link", "\u001b]8;;https://example.org\u001b\\text\u001b]8;;\u001b\\", "text"],
    ["single escapes", "\u001bMa\u001bDb", "ab"],
    ["bells, NULs and backspaces", "a\u0000\u0007\u0008b\u007f", "ab"],
    ["eight-bit controls", "a\u0085\u009cb", "ab"],
    ["carriage returns, which overwrite a line", "good\rbad\r\n", "goodbad\n"],
    ["a lonely escape at the end", "text\u001b", "text"],
    ["marks that turn the direction of writing", "a\u202etxt.exe\u2066b", "atxt.exeb"],
    ["nested escapes", "\u001b\u001b[31mred", "red"],
  ];
  for (const [what, text, plain] of cases)
    it(`takes out ${what}`, () => {
      expect(plainText(text)).to.equal(plain);
    });

  it("leaves line feeds, tabs and other alphabets as they are", () => {
    const text = "Zeile 1\n\tπ ≈ 3 🙂 [31m";
    expect(plainText(text)).to.equal(text);
  });

  it("leaves no control character, whatever comes", () => {
    const all = Array.from({ length: 0x200 }, (_, code) => String.fromCharCode(code % 0x100));
    const text = all.join("") + all.reverse().join("");

    expect(plainText(text)).not.to.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  });

  it("needs no time worth mentioning for escapes that never end", () => {
    // Of the processor, since other work on the machine is no matter of this.
    const begun = process.cpuUsage();
    plainText(`\u001b]${"x".repeat(200_000)}`);
    plainText(`\u001b[${"1;".repeat(100_000)}`);
    plainText("\u001b]".repeat(20_000));
    expect(process.cpuUsage(begun).user).to.be.lessThan(2_000_000);
  });
});
