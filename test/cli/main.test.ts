import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { execa } from "execa";

const command = fileURLToPath(new URL("../../cli/chatalot", import.meta.url));

describe("the chatalot command", () => {
  it("tells the version of package.json", async () => {
    const manifest = await readFile(new URL("../../package.json", import.meta.url), "utf8");
    const { version } = JSON.parse(manifest) as { version: string };
    expect((await execa(command, ["--version"])).stdout).to.equal(version);
  });

  it("ends with 2 for wrong usage, and tells it once", async () => {
    const run = (...argv: string[]) => execa(command, argv, { reject: false });
    const [unknown, missing] = await Promise.all([run("update", "--whatever"), run("restore")]);
    expect(unknown.exitCode).to.equal(2);
    expect(unknown.stderr).to.equal("error: unknown option '--whatever'");
    expect(missing.exitCode).to.equal(2);
    expect(missing.stderr).to.match(/^What to restore is not known: .*\.$/);
  });
});
