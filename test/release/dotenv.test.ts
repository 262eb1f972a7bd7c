import { expect } from "chai";
import { UserError } from "../../common/errors.ts";
import { encodeDotenv } from "../../release/dotenv.ts";

describe("encodeDotenv", () => {
  // Each right-hand side was read back by compose-go and gave the left-hand side.
  const values: [string, string][] = [
    ["", ""],
    ["simple-1.2/3:4@5%6+7=8", "simple-1.2/3:4@5%6+7=8"],
    ["two words", "'two words'"],
    [" ends ", "' ends '"],
    ["a # b", "'a # b'"],
    ["$HOME ${X} $$", "'$HOME ${X} $$'"],
    ["$(touch PWNED)`id`;", "'$(touch PWNED)`id`;'"],
    ['say "hi"', `'say "hi"'`],
    ["it's", `"it's"`],
    ["it's $5", `"it's \\$5"`],
    ["back\\slash\\n", `"back\\\\slash\\\\n"`],
    [`'"\\`, `"'\\"\\\\"`],
    ["é 😀", "'é 😀'"],
    ["tab\t", "'tab\t'"],
  ];
  for (const [value, encoded] of values) {
    it(`writes ${JSON.stringify(value)} as ${encoded}`, () => {
      expect(encodeDotenv({ A: value })).to.equal(`A=${encoded}\n`);
    });
  }

  it("sorts by name", () => {
    expect(encodeDotenv({ B: "2", A: "1" })).to.equal("A=1\nB=2\n");
  });

  it("refuses what would add a variable, naming all without their values", () => {
    const variables = {
      A: "topsecret\nB=1",
      B: "topsecret\r",
      C: "topsecret\0",
      D: "\ud800",
      E: "fine",
      "b d": "x",
      "F=G": "x",
      "": "x",
    };
    let thrown: unknown;
    try {
      encodeDotenv(variables);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).to.be.instanceOf(UserError);
    const { message } = thrown as UserError;
    for (const part of [
      "value of A has a line break",
      "value of B has a carriage return",
      "value of C has a NUL",
      "value of D has half of a character",
      '"b d" isn\'t a name',
      '"F=G" isn\'t a name',
      '"" isn\'t a name',
    ]) {
      expect(message).to.include(part);
    }
    expect(message).not.to.include("topsecret");
  });
});
