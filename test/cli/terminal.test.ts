import { PassThrough } from "node:stream";
import { expect } from "chai";
import { CanceledError } from "../../cli/exit-codes.ts";
import { ask, NOBODY_TO_ASK, requirePerson } from "../../cli/terminal.ts";
import { UserError } from "../../common/errors.ts";

/** Somebody at a terminal, or a file that is typed in. */
function askWith(isTerminal: boolean, act: (input: PassThrough) => void): Promise<unknown> {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { isTTY: isTerminal, columns: 80 });
  output.resume();
  const asked = ask("Update?", input, output);
  act(input);
  return asked.catch((error: unknown) => error);
}

describe("a question in the terminal", () => {
  it("gives the answer without blanks around it", async () => {
    expect(await askWith(false, (input) => input.write("  yes \n"))).to.equal("yes");
    expect(await askWith(true, (input) => input.write("yes\r"))).to.equal("yes");
  });

  for (const [key, text] of [
    ["^C", "\u0003"],
    ["^D", "\u0004"],
  ] as const)
    it(`is canceled by ${key}`, async () => {
      expect(await askWith(true, (input) => input.write(text))).to.be.instanceOf(CanceledError);
    });

  it("is canceled by the end of the input, and takes an answer before it", async () => {
    expect(await askWith(false, (input) => input.end())).to.be.instanceOf(CanceledError);
    expect(await askWith(false, (input) => input.end("y\n"))).to.equal("y");
  });

  it("needs somebody, or that nothing is asked", () => {
    expect(() => requirePerson(false, undefined)).to.throw(UserError, NOBODY_TO_ASK);
    requirePerson(true, undefined);
    requirePerson(false, () => Promise.resolve("y"));
  });
});
