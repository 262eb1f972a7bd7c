import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { filesOfExecution, HOSTILE_VALUES, STEERS } from "./hostile-values.ts";

describe("the hostile values of these tests", () => {
  it("are found out where one of them is run", async () => {
    const outer = await mkdtemp(join(tmpdir(), "chatalot-deploy-guard-"));
    // Deeper than the guards of other suites look, which may run at the same time.
    const folder = join(outer, "a", "b", "c");
    await mkdir(folder, { recursive: true });
    try {
      await execa("sh", ["-c", `true ${HOSTILE_VALUES[0] ?? ""}`], { cwd: folder });
      expect(await filesOfExecution([[outer, 4]])).to.deep.equal([join(folder, "PWNED")]);
      expect(await filesOfExecution([[outer, 3]])).to.deep.equal([]);
    } finally {
      await rm(outer, { recursive: true });
    }
  });

  it("have one of each kind", () => {
    for (const kind of [
      "\n",
      "\r",
      "\0",
      "$(",
      "`",
      "'",
      '"',
      "%",
      "<{%",
      "../",
      "\u202e",
      "\u0301",
    ])
      expect(
        HOSTILE_VALUES.some((value) => value.includes(kind)),
        JSON.stringify(kind),
      ).to.equal(true);
    for (const value of ["__proto__", "/etc/passwd", "*", "😀"])
      expect(HOSTILE_VALUES).to.include(value);
    expect(HOSTILE_VALUES.some((value) => value.startsWith("-o"))).to.equal(true);
    expect(HOSTILE_VALUES.some((value) => value.length >= 1_000_000)).to.equal(true);
    expect("\u001b").to.match(STEERS);
    expect("a\n\tb").not.to.match(STEERS);
  });
});
