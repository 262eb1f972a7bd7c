import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { updaterBundle } from "../../../provider/server/updater-bundle.ts";
import { NOT_PERMITTED, OTHER_RUNNER, OUT_OF_TIME } from "../../../updater/runner/protocol.ts";
import { guardAgainstExecution, HOSTILE_VALUES, named } from "../../support/hostile-values.ts";

describe("the runner's side of a call", function () {
  this.timeout(120_000);
  guardAgainstExecution();
  let folder: string;
  let updater: string;
  let own: string;

  before(async () => {
    const { content, sha256 } = await updaterBundle();
    own = sha256;
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-serve-"));
    updater = join(folder, sha256, "updater.mjs");
    await mkdir(dirname(updater));
    await writeFile(updater, content);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function call(line: unknown, body = "", env: Record<string, string> = { SUDO_USER: "deploy" }) {
    const first = typeof line === "string" ? line : `${JSON.stringify(line)}\n`;
    return execa(process.execPath, [updater, "serve"], {
      ...{ input: first + body, env, reject: false, timeout: 30_000 },
    });
  }
  const good = () => ({ call: 1, updater: own, verb: "hello", seconds: 20 });

  it("answers with the digest of its folder", async () => {
    const { stdout, exitCode } = await call(good());
    expect(exitCode).to.equal(0);
    expect(JSON.parse(stdout)).to.deep.equal({ runner: own });
  });

  it("tells a caller of another version apart before it reads the rest", async () => {
    const { exitCode, stderr } = await call({ updater: "0".repeat(64), other: "form" });
    expect(exitCode).to.equal(OTHER_RUNNER);
    expect(stderr).to.contain("of another version");
  });

  for (const [what, changes] of [
    ["no verb", { verb: undefined }],
    ["a verb of systemd's", { verb: "run", directory: "/srv/chatalot" }],
    ["a verb of every object", { verb: "constructor", directory: "/srv/chatalot" }],
    ["what only root does", { verb: "adopt", directory: "/srv/chatalot" }],
    ["no directory", { verb: "inspect" }],
    ["a directory that nobody allowed", { verb: "inspect", directory: "/srv/not-allowed" }],
    ["a directory that leads out", { verb: "inspect", directory: "/srv/../etc" }],
    ["another version of the call", { call: 2 }],
    ["time for ever", { seconds: 1e9 }],
    ["an unknown member", { shell: "touch PWNED" }],
  ] as const)
    it(`refuses ${what}`, async () => {
      const { exitCode, stderr, stdout } = await call({ ...good(), ...changes });
      expect(exitCode, stderr).to.equal(NOT_PERMITTED);
      expect(stdout).to.equal("");
      expect(stderr).not.to.contain("    at ");
    });

  it("takes no hostile value for a verb, a directory, a user or a whole call", async () => {
    const values = HOSTILE_VALUES.filter((_, at) => at % 6 === 0);
    for (const value of values) {
      const ends = await Promise.all([
        call({ ...good(), verb: value }),
        call({ ...good(), verb: "inspect", directory: value }),
        call(`${value.replaceAll("\n", "")}\n`),
        ...(/\0/.test(value)
          ? []
          : [call({ ...good(), verb: "inspect", directory: "/srv/x" }, "", { SUDO_USER: value })]),
      ]);
      for (const { exitCode, stdout } of ends) {
        expect(exitCode, named(value)).to.equal(NOT_PERMITTED);
        expect(stdout, named(value)).to.equal("");
      }
    }
  });

  it("reads no line that has no end, and waits for none for ever", async () => {
    expect((await call("0".repeat(100_000))).exitCode).to.equal(NOT_PERMITTED);
    expect((await call("{}")).exitCode).to.equal(1);
    // Nothing is read of what comes after a refusal, whoever goes on sending it.
    const refused = execa(process.execPath, [updater, "serve"], { reject: false, timeout: 30_000 });
    refused.stdin?.write(`${JSON.stringify({ ...good(), verb: "inspect" })}\n`);
    expect((await refused).exitCode).to.equal(NOT_PERMITTED);
    expect(OUT_OF_TIME).not.to.equal(NOT_PERMITTED);
  });
});
