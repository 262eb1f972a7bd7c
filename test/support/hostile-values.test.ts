import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { filesOfExecution, HOSTILE_VALUES, STEERS } from "./hostile-values.ts";

describe("the hostile values of these tests", () => {
  it("are found out where one of them is run", async () => {
    const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-guard-"));
    try {
      await execa("sh", ["-c", `true ${HOSTILE_VALUES[0] ?? ""}`], { cwd: folder });
      expect(await filesOfExecution()).to.include(join(folder, "PWNED"));
    } finally {
      await rm(folder, { recursive: true });
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
