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
