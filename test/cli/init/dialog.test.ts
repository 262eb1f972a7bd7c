import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { CanceledError } from "../../../cli/exit-codes.ts";
import { Dialog, wrap } from "../../../cli/init/dialog.ts";
import { UserError } from "../../../common/errors.ts";

/** A dialog with somebody who has typed these lines, and what they saw. */
function dialogWith(...lines: string[]) {
  const input = new PassThrough();
  const output = new PassThrough();
  const dialog = new Dialog(input, output, false);
  for (const line of lines) input.write(`${line}\n`);
  return {
    dialog,
    end: () => input.end(),
    seen: async (): Promise<string> => {
      dialog.close();
      output.end();
      return await text(output);
    },
  };
}

const question = {
  text: "Port",
  help: "Any number.",
  default: "80",
  read(answer: string): number {
    if (!/^\d+$/.test(answer)) throw new UserError(`expected a number, got "${answer}".`);
    return Number(answer);
  },
};

describe("init's dialog", () => {
  it("shows the default in brackets and takes it for an empty answer", async () => {
    const { dialog, seen } = dialogWith("");
    expect(await dialog.ask(question)).to.equal(80);
    expect(await seen()).to.contain("Port [80]: ");
  });

  it("says what is wrong with an answer and asks again", async () => {
    const { dialog, seen } = dialogWith("x", " 81 ");
    expect(await dialog.ask(question)).to.equal(81);
    const screen = await seen();
    expect(screen).to.contain('expected a number, got "x".');
    expect(screen.match(/Port \[80\]: /g)).to.have.length(2);
  });

  it("explains the question at ? and asks again", async () => {
    const { dialog, seen } = dialogWith("?", "81");
    expect(await dialog.ask(question)).to.equal(81);
    expect(await seen()).to.contain("Any number.");
  });

  it("insists on an answer where there is no default", async () => {
    const { dialog, seen } = dialogWith("", "81");
    const { default: _, ...withoutDefault } = question;
    expect(await dialog.ask(withoutDefault)).to.equal(81);
    expect(await seen())
      .to.contain("Port: ")
      .and.to.contain("There is no default");
  });

  it("lets errors that are no wrong answers through", async () => {
    const { dialog } = dialogWith("81");
    const broken = { ...question, read: () => JSON.parse("{") as number };
    const error = await dialog.ask(broken).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(SyntaxError);
    dialog.close();
  });

  it("is canceled by the end of the terminal", async () => {
    const { dialog, end } = dialogWith();
    const asked = dialog.ask(question).catch((caught: unknown) => caught);
    end();
    expect(await asked).to.be.instanceOf(CanceledError);
  });

  it("breaks prose at 80 columns, and no command and no long word", () => {
    const word = "w".repeat(90);
    const command = `  ${"c ".repeat(60)}`;
    const lines = wrap(`${"word ".repeat(40)}\n${command}\n${word} end`).split("\n");
    expect(lines).to.include(command).and.to.include(word);
    const others = lines.filter((line) => line !== command && line !== word);
    expect(Math.max(...others.map((line) => line.length))).to.be.within(70, 80);
  });
});
