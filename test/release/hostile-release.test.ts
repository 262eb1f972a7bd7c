import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { UserError } from "../../common/errors.ts";
import { makePlan } from "../../provider/plan/plan.ts";
import { renderPlan } from "../../provider/plan/render.ts";
import { parseHostFacts } from "../../provider/server/host-facts.ts";
import { compareChangelogs } from "../../release/changelog.ts";
import { compareCompose } from "../../release/compose-compare.ts";
import { composeFacts } from "../../release/compose-facts.ts";
import { imagesToBuild, renderCompose } from "../../release/compose-file.ts";
import { readMigrations } from "../../release/migrations/files.ts";
import { forgetUpdates, openMirror, type Mirror } from "../../release/mirror.ts";
import { parseReference } from "../../release/reference.ts";
import { describeRelease, type Release } from "../../release/release.ts";
import { parseRepository } from "../../release/repository-url.ts";
import { listTags } from "../../release/tags.ts";
import { readCrateVersion, readWebVersion } from "../../release/versions.ts";
import { readyFacts, stateRunning } from "../provider/support/samples.ts";
import {
  guardAgainstExecution,
  HOSTILE_KINDS,
  HOSTILE_VALUES,
  named,
  STEERS,
} from "../support/hostile-values.ts";
import { type Files, SAMPLE_FILES, SampleRepository } from "./sample-repository.ts";

const COMPOSE = "services:\n  chatalot: { build: . }\n  postgres: { image: postgres:17 }\n";

/** The result; undefined where it is refused in the form that people can use. */
async function refusedOr<T>(title: string, action: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    expect(error, title).to.be.instanceOf(UserError);
    const { message } = error as UserError;
    expect(message, title).not.to.match(STEERS);
    expect(message.length, title).to.be.below(3_000);
    return undefined;
  }
}

describe("a hostile repository", function () {
  this.timeout(120_000);
  guardAgainstExecution();
  let sample: SampleRepository;
  let first: string;

  before(async () => {
    sample = await SampleRepository.create();
    first = await sample.commit(SAMPLE_FILES);
  });
  after(() => sample.remove());

  const open = async (address = sample.path): Promise<Mirror> => {
    forgetUpdates();
    return openMirror(address, { cacheDirectory: join(sample.folder, "cache") });
  };

  it("has no address that is a command: each is refused, or a folder of that very name", async () => {
    let kept = 0;
    const around = (value: string): string[] => [
      value,
      ...[`https://${value}/x`, `https://h/${value}`, `ssh://${value}@h/x`, `ssh://${value}/x`],
      ...[`ssh://h/${value}`, `${value}@h:x`, `a@${value}:x`, `a@h:${value}`, `/srv/${value}`],
      `${value}::https://h/x`,
    ];
    for (const address of HOSTILE_VALUES.flatMap(around)) {
      const parsed = await refusedOr(named(address), () => parseRepository(address));
      if (parsed === undefined) continue;
      kept += 1;
      expect(parsed.url.startsWith("-")).to.equal(false);
      if (parsed.kind === "ssh") expect(parsed.url).to.match(/^[A-Za-z0-9@:/._~+%[\]-]*$/);
      if (parsed.kind !== "local") continue;
      expect(parsed.url).to.equal(address);
      await refusedOr(named(address), async () => describeRelease(await open(address), "v1"));
    }
    expect(kept).to.be.above(20);
  });

  it("has no reference that is an option or a path of git: each is refused, or that very tag", async () => {
    const made = new Set<string>();
    for (const value of HOSTILE_VALUES.filter((text) => !/\0/.test(text) && text.length < 200)) {
      const { exitCode } = await execa("git", ["update-ref", `refs/tags/${value}`, first], {
        cwd: sample.path,
        reject: false,
      });
      if (exitCode === 0) made.add(value);
    }
    // Git is no guard: it takes names that mean something to a shell.
    expect([...made]).to.include.members(["'", "&", "-v", "<{%x%}>"]);
    const mirror = await open();
    const listed = await listTags(mirror);
    for (const { tag } of listed)
      expect(tag)
        .to.match(/^[A-Za-z0-9_.+/-]+$/)
        .and.not.match(/^-/);
    for (const value of HOSTILE_VALUES) {
      await refusedOr(named(value), () => parseReference(value));
      const found = await refusedOr(named(value), () => describeRelease(mirror, value));
      if (found !== undefined) expect([found.commit, made.has(value)]).to.deep.equal([first, true]);
      await refusedOr(named(value), () => describeRelease(mirror, `v1@${value}`));
    }
  });

  it("shows its commits, changelog and migrations as text in a plan, or is refused", async () => {
    const current = await describeRelease(await open(), first);
    const readable = HOSTILE_KINDS.filter((value) => !value.includes("\0") && value.length < 200);
    for (const value of readable) {
      const isName = !value.includes("/") && ![".", ".."].includes(value);
      const commit = await sample.commit({
        "CHANGELOG.md": `# Changelog\n\n## 9.9.9\n\n### Breaking\n\n- ${value}\n\n## v8.${value}\n- x\n`,
        "migrations/003_more.sql": `ALTER TABLE "${value.replaceAll('"', '""')}" ADD COLUMN "a" int;\n`,
        ...(isName ? { [`migrations/004_${value}.sql`]: `-- ${value}\n` } : {}),
      });
      await sample.git("commit", "--quiet", "--allow-empty", "-m", `${value}!: ${value}`);
      const next = await refusedOr(named(value), async () => describeRelease(await open(), commit));
      await sample.git("rm", "--quiet", "-r", "migrations");
      await sample.git("checkout", "--quiet", first, "--", "migrations");
      if (next === undefined) continue;
      expect(await planText(current, next), named(value)).not.to.match(STEERS);
      for (const { description, file } of next.migrations)
        expect(`${description} ${file}`, named(value)).not.to.match(STEERS);
    }
  });

  it("refuses migrations whose names can't be shown, which the server's sqlx would apply", () => {
    const content = Buffer.from("");
    for (const name of ["003_a\u001b[31m.sql", "003_a\nb.sql", "003_\u202ea.sql", "003_\ufffd.sql"])
      expect(() => readMigrations([{ path: `migrations/${name}`, isLink: false, content }]))
        .to.throw(UserError, "a character that no name should have")
        .with.property("message")
        .that.does.not.match(STEERS);
  });

  it("has a compose file of which every text arrives as text, or it is refused", async () => {
    const current = COMPOSE;
    const at = (value: string): object[] => [
      { services: { [value]: { image: "x" } } },
      { services: { more: { image: value, [value]: "y", container_name: value } } },
      { services: { more: { image: "x", environment: { [value]: value }, labels: [value] } } },
      { services: { more: { image: "x", volumes: [value, `${value}:/x`], ports: [value] } } },
      { services: { more: { build: value } } },
      {
        services: {
          more: { build: { context: ".", dockerfile: value, args: { [value]: value } } },
        },
      },
      {
        services: { more: { image: "x", env_file: value, extends: { file: value, service: "x" } } },
      },
      { services: { more: { image: "x", profiles: [value], depends_on: [value] } } },
      { volumes: { [value]: { name: value } }, networks: { [value]: {} } },
      { secrets: { x: { file: value } }, configs: { [value]: { content: value } }, name: value },
      { [value]: value, include: [value] },
    ];
    for (const value of HOSTILE_VALUES)
      for (const [index, extra] of at(value).entries()) {
        const title = `${index}: ${named(value)}`;
        const composeText = JSON.stringify(merged(extra));
        await refusedOr(title, () => imagesToBuild(composeText));
        await refusedOr(title, () => composeFacts(composeText));
        const told = await refusedOr(title, () => compareCompose(current, composeText));
        if (told !== undefined) expect(JSON.stringify(told), title).not.to.match(STEERS);
        await refusedOr(title, () => rendered(composeText));
      }
  });

  it("tells versions that are versions, and nothing else", () => {
    for (const value of HOSTILE_VALUES) {
      expect(readWebVersion(JSON.stringify({ version: value })), named(value)).to.equal(undefined);
      expect(readWebVersion(value), named(value)).to.equal(undefined);
      const manifest = `[package]\nname = "chatalot-server"\nversion = "${value}"\n`;
      const crate = readCrateVersion(new Map([["crates/x/Cargo.toml", manifest]]));
      expect(crate, named(value)).to.equal(undefined);
    }
  });

  it("has a changelog of any length, of which little is read", () => {
    const long = `## 9.9.9\n${`- ${"x".repeat(1_000)}\n`.repeat(20_000)}`;
    const [entry] = compareChangelogs(undefined, long).entries;
    expect(entry?.changes).to.have.length(200);
    for (const change of entry?.changes ?? []) expect(change.length).to.be.at.most(200);
    for (const value of HOSTILE_VALUES)
      expect(JSON.stringify(compareChangelogs(value, `## 1.2.3\n- ${value}\n`))).not.to.match(
        STEERS,
      );
  });

  it("is refused where its files are too large to be read", async () => {
    const large: Files = { "CHANGELOG.md": "x\n".repeat(35 * 1024 * 1024) };
    const commit = await sample.commit(large);
    const found = await refusedOr("large", async () => describeRelease(await open(), commit));
    expect(found).to.equal(undefined);
    await sample.commit({ "CHANGELOG.md": null });
  });

  it("leads nowhere by links: to files outside, or from one of its files to another", async () => {
    const link = { link: "/etc/passwd" };
    const commit = await sample.commit({
      ...{ "compose.yaml": link, "CHANGELOG.md": link, "migrations/005_link.sql": link },
      "docker-compose.yml": COMPOSE,
    });
    const found = await describeRelease(await open(), commit);
    expect(found.composeFile).to.equal(COMPOSE);
    expect(found).not.to.have.property("changelog");
    expect(found.migrations.map(({ version }) => version)).to.deep.equal([1, 2]);
  });

  async function planText(current: Release, next: Release): Promise<string> {
    const compose = compareCompose(current.composeFile, next.composeFile);
    const plan = await makePlan(await open(), current, next, compose, {
      ...{ state: stateRunning(current), facts: parseHostFacts(readyFacts()) },
    });
    if (plan === undefined) throw new Error("there is a plan for another release");
    return `${renderPlan(plan)}\n${Object.values(plan)
      .map((part) => JSON.stringify(part))
      .join("\n")}`;
  }

  /** A compose file that can be deployed, with more in it. */
  function merged(extra: { services?: object; volumes?: object }): object {
    return {
      ...extra,
      services: { chatalot: { build: "." }, postgres: { image: "postgres:17" }, ...extra.services },
      volumes: { postgres_data: {}, ...extra.volumes },
    };
  }

  function rendered(composeText: string): string {
    return renderCompose({
      ...{ composeText, project: "chat", image: `x:${first}`, commit: first, releaseName: "v1" },
      ...{ listen: { address: "127.0.0.1", port: 8080 }, environment: {} },
      ...{ secretsDirectory: "/srv/x/secrets", treeDirectory: "/srv/x/tree" },
      volumes: { postgres_data: "chat_postgres_data" },
    });
  }
});
