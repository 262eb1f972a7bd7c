import { expect } from "chai";
import { CommanderError } from "commander";
import { CanceledError, endOfError, setExitCode, UsageError } from "../../cli/exit-codes.ts";
import { checkOptions } from "../../cli/logs.ts";
import { resolve } from "../../cli/resolve.ts";
import { restore } from "../../cli/restore/restore.ts";
import { rollback } from "../../cli/rollback.ts";
import { installScript } from "../../cli/runner/script.ts";
import { UserError } from "../../common/errors.ts";
import { TransportError } from "../../transport/index.ts";
import { listeningContext } from "../provider/support/samples.ts";

describe("the exit code", () => {
  const before = process.exitCode;
  afterEach(() => {
    process.exitCode = before;
  });

  for (const [result, code] of [
    ["done", 0],
    ["adopted", 0],
    ["previewed", 0],
    ["failed", 1],
    ["under-way", 1],
    ["nothing-to-do", 3],
    ["declined", 3],
    ["needs-operator", 4],
  ] as const)
    it(`of "${result}" is ${code}`, () => {
      setExitCode(result);
      expect(process.exitCode).to.equal(code);
    });

  it("of a failure is 1, and its text has no stack", () => {
    for (const error of [new UserError("It can't be."), new TransportError("gone", "unreachable")])
      expect(endOfError(error)).to.deep.equal({ code: 1, text: error.message });
  });

  it("of a bug is 1, with its stack", () => {
    const { code, text } = endOfError(new TypeError("undefined is not a function"));
    expect(code).to.equal(1);
    expect(text).to.contain("undefined is not a function").and.to.contain("exit-codes.test.ts");
  });

  it("of ^C at a question is 130, in one line", () => {
    const { code, text } = endOfError(new CanceledError("canceled"));
    expect(code).to.equal(130);
    expect(text.trim().split("\n")).to.have.length(1);
  });

  it("of what commander refuses is 2, which it has told itself", () => {
    expect(endOfError(new CommanderError(1, "commander.unknownOption", "unknown"))).to.deep.equal({
      ...{ code: 2, text: "" },
    });
    expect(endOfError(new CommanderError(0, "commander.helpDisplayed", "")).code).to.equal(0);
  });
});

describe("wrong usage", () => {
  const context = listeningContext();
  const runner = { user: "deploy", directory: "/srv/chatalot", project: "chat", machine: "x86_64" };
  const told = (): undefined => undefined;
  const cases: [string, () => unknown][] = [
    ["logs --lines x", () => checkOptions("chatalot", { lines: "x" })],
    ["rollback --database x", () => rollback("no-stack", { database: "x" }, context)],
    ["rollback --scripts alone", () => rollback("no-stack", { scripts: "undo" }, context)],
    [
      "rollback --database undo-scripts alone",
      () => rollback("no-stack", { database: "undo-scripts" }, context),
    ],
    [
      "resolve --clear --take-back",
      () => resolve("no-stack", { clear: true, takeBack: true }, context),
    ],
    ["restore without a backup", () => restore("no-stack", undefined, {}, context)],
    ["restore with two backups", () => restore("no-stack", "name", { from: "folder" }, context)],
    ["runner --machine x", () => installScript({ ...runner, machine: "x" }, told)],
    ["runner --user x y", () => installScript({ ...runner, user: "x y" }, told)],
  ];
  for (const [command, run] of cases)
    it(`${command} has the exit code 2, and its cause is told`, async () => {
      const error = await Promise.resolve()
        .then(run)
        .catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(UsageError);
      const { code, text } = endOfError(error);
      expect(code).to.equal(2);
      expect(text)
        .to.equal((error as Error).message)
        .and.not.to.equal("");
    });
});
