import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { failureOf } from "./errors.ts";
import { waitUntil } from "./sshd.ts";
import { timeout, Workbench } from "./workbench.ts";

/** The ssh that asks for the session of a command has this text among its arguments. */
const LATE = "late command";

describe("a connection that has no room for another session", function () {
  this.timeout(180_000);
  const bench = Workbench.forEachTest();
  const formerPath = process.env.PATH;

  beforeEach(() => (process.env.PATH = `${bench.temporary}:${formerPath}`));
  afterEach(() => (process.env.PATH = formerPath));

  const file = (name: string): string => join(bench.temporary, name);

  /** What becomes of an ssh that asks for the session of the late command: shell code with its arguments. */
  function lateDoes(code: string): void {
    const program =
      `#!/bin/sh\ncase "$*" in *"${LATE}"*)\necho asked >> ${file("asked")}\n${code}\n;; esac\n` +
      `exec /usr/bin/ssh "$@"\n`;
    writeFileSync(file("ssh"), program, { mode: 0o755 });
  }

  /** Ends as an ssh does that got no session: it starts what it was given as the way to the server. */
  const REFUSED =
    'for word; do case "$word" in ProxyCommand=*) eval "${word#ProxyCommand=}";; esac; done; exit 255';

  const timesAsked = (): number => readFileSync(file("asked"), "utf8").split("\n").length - 1;

  it("is asked again where the others have ended when the refusal is looked at", async () => {
    await bench.restart(["MaxSessions 1"]);
    // Between the refusal and its end, the command that had the session goes away.
    lateDoes(
      `/usr/bin/ssh "$@" && exit
       touch ${file("refused")}; until [ -e ${file("seen")} ]; do sleep 0.05; done; exit 255`,
    );
    const transport = bench.open();
    await bench.reach(transport);
    const argv = ["sh", "-c", `touch "$1/runs"; until [ -e "$1/end" ]; do sleep 0.05; done`];
    const first = transport.run("wait", [...argv, "x", bench.temporary], { timeout });
    await waitUntil("the first command runs", () => existsSync(file("runs")));
    const late = transport.run("ask", ["echo", LATE], { timeout });
    late.catch(() => undefined);
    await waitUntil("the server has refused", () => existsSync(file("refused")));
    writeFileSync(file("end"), "");
    await first;
    writeFileSync(file("seen"), "");
    expect((await late).stdout).to.equal(`${LATE}\n`);
  });

  it("is asked again where it may not have noticed yet that the others have ended", async () => {
    lateDoes(`if [ "$(wc -l < ${file("asked")})" -lt 3 ]; then ${REFUSED}; fi`);
    const { stdout } = await bench.open().run("ask", ["echo", LATE], { timeout });
    expect(stdout).to.equal(`${LATE}\n`);
    expect(timesAsked()).to.equal(3);
  });

  it("is given up where it refuses a command three times that is the only one", async () => {
    lateDoes(REFUSED);
    const run = bench.open().run("ask", ["echo", LATE], { timeout });
    const error = await failureOf(run, "unreachable");
    expect(error.message).to.contain("the server refused the session");
    expect(error.message).not.to.contain("not started ");
    expect(timesAsked()).to.equal(3);
  });

  it("says so where the server allows no session at all", async () => {
    await bench.restart(["MaxSessions 0"]);
    const error = await failureOf(bench.reach(bench.open()), "unreachable");
    expect(error.message).to.contain("the server refused the session");
    expect(bench.server.connections()).to.equal(1);
  });
});
