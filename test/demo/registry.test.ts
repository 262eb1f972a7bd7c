import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { UserError } from "../../common/errors.ts";
import { ensureDebian } from "../../demo/images/debian.ts";
import { pull } from "../../demo/images/registry.ts";
import { useOwnCache } from "../support/own-cache.ts";

/** Has no image, and reaches no registry. */
const DOCKER = "#!/bin/sh\nexit 1\n";

describe("an image that can't be pulled", () => {
  const { PATH } = process.env;
  const { getuid } = process;
  let programs: string;
  let lines: string[];
  const report = (line: string): void => void lines.push(line);

  useOwnCache();
  before(async () => {
    programs = await mkdtemp(join(tmpdir(), "registry-test-"));
    await writeFile(join(programs, "docker"), DOCKER, { mode: 0o755 });
  });
  beforeEach(() => {
    process.env["PATH"] = `${programs}:${PATH ?? ""}`;
    lines = [];
  });
  afterEach(() => {
    process.env["PATH"] = PATH;
    if (getuid !== undefined) process.getuid = getuid;
  });
  after(() => rm(programs, { recursive: true }));

  it("is tried again by the next start of a user who can't make another one", async () => {
    process.getuid = () => 1000;
    for (let start = 1; start <= 2; start += 1) {
      lines = [];
      const error = await ensureDebian(report).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(UserError);
      expect(error).to.have.property("message").that.contains("needs root");
      expect(lines).to.contain("pulling debian:trixie-slim");
    }
  });

  it("is not waited for again where another one is made", async () => {
    expect(await pull("postgres:17", report)).to.equal(false);
    expect(await pull("debian:trixie-slim", report)).to.equal(false);
    expect(lines).to.deep.equal(["pulling postgres:17", "postgres:17 cannot be pulled here"]);
  });
});
