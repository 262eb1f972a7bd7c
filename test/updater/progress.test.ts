import { mkdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { expect } from "chai";
import { Progress } from "../../updater/progress.ts";
import type { ProgressLine } from "../../updater/protocol.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("Progress", () => {
  const temporary = useTemporaryDirectory();

  async function lines(): Promise<ProgressLine[]> {
    const text = await readFile(temporary("log"), "utf8");
    return text
      .trim()
      .split(/\n+/)
      .map((line) => JSON.parse(line) as ProgressLine);
  }

  it("writes milestones and details in the order in which they were told", async () => {
    const progress = new Progress(temporary("log"));
    progress.tell("J1", "check");
    for (let line = 0; line < 50; line += 1) progress.detail("J3", `line ${line}`);
    progress.tell("J6", "stop");
    await progress.flushed();
    const written = await lines();
    expect(written).to.have.length(52);
    expect(written[0]).to.include({ step: "J1", text: "check" }).and.not.to.have.property("detail");
    expect(written[1]).to.include({ step: "J3", text: "line 0", detail: true });
    expect(written.at(-1)).to.include({ step: "J6", text: "stop" });
    expect((await stat(temporary("log"))).mode & 0o777).to.equal(0o600);
  });

  it("goes on behind what an earlier attempt told", async () => {
    for (const text of ["first", "second"]) {
      const progress = new Progress(temporary("log"));
      progress.tell("J1", text);
      await progress.flushed();
    }
    expect((await lines()).map(({ text }) => text)).to.deep.equal(["first", "second"]);
  });

  it("bounds the file, and keeps the first and the newest lines of a build that prints too much", async () => {
    const bound = 20_000;
    const progress = new Progress(temporary("log"), bound);
    progress.tell("J3", "build");
    for (let line = 0; line < 5_000; line += 1) progress.detail("J3", `line ${line}`);
    progress.tell("J3", "failed");
    await progress.flushed();
    const texts = (await lines()).map(({ text }) => text);
    expect(texts.slice(0, 3)).to.deep.equal(["build", "line 0", "line 1"]);
    expect(texts.slice(-3)).to.deep.equal(["line 4998", "line 4999", "failed"]);
    expect(texts.filter((text) => /^\(\d+ lines are left out here/.test(text))).to.have.length(1);
    // The newest hundred lines and the milestone come on top.
    expect((await stat(temporary("log"))).size).to.be.lessThan(bound + 101 * 200);
  });

  it("counts what an earlier attempt wrote", async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const progress = new Progress(temporary("log"), 5_000);
      for (let line = 0; line < 500; line += 1) progress.detail("J3", `line ${line}`);
      await progress.flushed();
    }
    const first = (await lines()).filter(({ text }) => text === "line 0");
    expect(first).to.have.length(1);
  });

  it("shortens a line that a build made too long", async () => {
    const progress = new Progress(temporary("log"));
    progress.detail("J3", "x".repeat(1_000_000));
    await progress.flushed();
    expect((await lines())[0]?.text)
      .to.have.length(404)
      .and.to.match(/x \.\.\.$/);
  });

  it("keeps each message on one line of the file, without control characters", async () => {
    const progress = new Progress(temporary("log"));
    progress.tell("J3", '\u001b[31mred\u001b[0m\r\n{"step":"J10","text":"committed"}\u0000\u2028');
    await progress.flushed();
    const written = await lines();
    expect(written).to.have.length(1);
    expect(written[0]).to.include({
      step: "J3",
      text: 'red\n{"step":"J10","text":"committed"}',
    });
  });

  it("leaves out details that have nothing to read, and never a milestone", async () => {
    const progress = new Progress(temporary("log"));
    progress.detail("J3", " \u001b[K\r ");
    progress.tell("J3", "");
    await progress.flushed();
    expect(await lines()).to.have.length(1);
  });

  it("stops nobody when the disk is full, and goes on when there is space again", async () => {
    await symlink("/dev/full", temporary("log"));
    const progress = new Progress(temporary("log"));
    progress.tell("R3", "lost");
    await progress.flushed();
    await rm(temporary("log"));
    progress.tell("R3", "kept");
    await progress.flushed();
    expect((await lines()).map(({ text }) => text)).to.deep.equal(["kept"]);
  });

  it("stops nobody when its file can't be opened", async () => {
    await mkdir(temporary("log"));
    const progress = new Progress(temporary("log"));
    progress.tell("R3", "lost");
    await progress.flushed();
  });
});
