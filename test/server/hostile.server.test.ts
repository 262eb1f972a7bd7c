import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import type { DemoServer } from "../../demo/server/index.ts";
import { chatUrl, sampleRepository, servingChat } from "./support/fixture.ts";
import { runningSince, SERVER, shell, theContainer, webVersion } from "./support/looks.ts";
import { HOSTILE_VALUES } from "../support/hostile-values.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

/** What ends the engine, steers a terminal, and would be a command to a shell. */
const HOSTILE = "<{%bogus%}> \u001b[31mred $(touch /tmp/PWNED) `touch /tmp/PWNED` ${HOME}";

const CHANGELOG = "docs/appendix/changelog.md";

describe("a repository with hostile texts", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let folder: string;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.1"));
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-hostile-"));
    await git("clone", "--quiet", "--", (await sampleRepository()).directory, folder);
    await release("v1.0.7", "v1.0.1", 'RUN printf "%s\\n" "<{%bogus%}> in a build" &&');
    await release("v1.0.8", "v1.0.7", 'RUN echo "<{%bogus%}> breaks" && exit 7;');
    await operator.configure({ repository: folder });
  });
  after(() =>
    takeBack(
      () => folder && rm(folder, { recursive: true, force: true }),
      () => operator?.leave(),
    ),
  );

  it("is shown as text in a preview, its changelog, commits and inputs", async () => {
    await operator.configure({ release: "v1.0.7" });
    for (const flags of [["--color", "always"], ["--diff", "--color", "always"], ["--json"]]) {
      const { exitCode, output } = await operator.preview(...flags);
      expect(exitCode, output).to.equal(0);
      expect(output).to.contain("bogus").and.not.contain("panic:");
      expect(output).not.to.contain("\u001b[31mred");
    }
  });

  it("is shown as text where its build says it, and the release serves", async () => {
    const { exitCode, output } = await operator.up("--color", "always");
    expect(exitCode, output).to.equal(0);
    expect(output).not.to.contain("panic:");
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.7");
  });

  it("is shown as text where its build fails with it, and nothing is touched", async () => {
    const before = await runningSince(demo);
    await operator.configure({ release: "v1.0.8" });
    const { exitCode, output } = await operator.up("--skip-preview", "--color", "always");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("UNTOUCHED").and.to.contain("bogus").and.not.contain("panic:");
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  it("is in an environment as every hostile value is that the settings take: as that text", async () => {
    // Other control characters and breaks of lines can't stand in a stack file: the engine refuses it as a whole.
    const values = HOSTILE_VALUES.filter(
      (value) => !/[^\P{Cc}\t]|[\p{Zl}\p{Zp}]/u.test(value) && value.length < 30_000,
    );
    const named = values.map((value, at) => [`HOSTILE_${at}`, value] as const);
    await operator.configure({ release: "v1.0.7" });
    await operator.pulumi("config", "set", "moreEnv", named.map(([name]) => name).join(","));
    // As an operator has it who writes the stack file: by YAML.
    await operator.addToStackFile({ "chatalot-deploy:env": Object.fromEntries(named) });
    const { exitCode, output } = await operator.up("--color", "always");
    expect(exitCode, output).to.equal(0);
    const { environment } = await theContainer(demo, SERVER);
    expect(environment).to.include(Object.fromEntries(named));
    expect(environment).not.to.have.property("PWNED");
  });

  it("became no command, on neither side", async () => {
    expect(await shell(demo, "find / -xdev -name PWNED 2>/dev/null || true")).to.equal("");
    const { stdout } = await execa("find", [tmpdir(), "-maxdepth", "2", "-name", "PWNED"], {
      // Folders of others may go while it looks.
      reject: false,
    });
    expect(stdout).to.equal("");
  });

  async function git(...argv: string[]): Promise<void> {
    await execa("git", argv, { timeout: 60_000 });
  }

  /** A release whose texts are hostile, and whose build has one more line. */
  async function release(tag: string, from: string, run: string): Promise<void> {
    const inside = (...argv: string[]): Promise<void> => git("-C", folder, ...argv);
    await inside("checkout", "--quiet", "--detach", from);
    const file = (name: string): string => join(folder, name);
    const dockerfile = await readFile(file("Dockerfile"), "utf8");
    await writeFile(
      file("Dockerfile"),
      dockerfile.replace(/^RUN .*node scripts/m, `${run} node scripts`),
    );
    const changelog = await readFile(file(CHANGELOG), "utf8").catch(() => "# Changelog\n");
    const entry = `# Changelog\n\n## ${tag}\n\n- ${HOSTILE}\n`;
    await writeFile(file(CHANGELOG), changelog.replace("# Changelog\n", entry));
    const version = JSON.stringify({ version: tag.slice(1) });
    await writeFile(file("clients/web/static/version.json"), `${version}\n`);
    const who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    await inside(...who, "commit", "--quiet", "--all", "--message", `Change ${HOSTILE}`);
    await inside("tag", tag);
  }
});
