import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { execa } from "execa";
import { parse } from "yaml";
import {
  git,
  makeSampleRepository,
  removeSampleRepository,
  type SampleRepository,
} from "../../demo/repository/index.ts";

const MODULE = fileURLToPath(new URL("../../demo/repository/index.ts", import.meta.url));

describe("makeSampleRepository", function () {
  this.timeout(60_000);
  let directory: string;
  let repository: SampleRepository;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sample-repository-test-"));
    repository = await makeSampleRepository(join(directory, "first"));
  });
  after(async () => rm(directory, { recursive: true, force: true }));

  async function show(revision: string, path: string): Promise<string> {
    return git(repository.directory, ["show", `${revision}:${path}`]);
  }

  async function migrationsAt(revision: string): Promise<string[]> {
    const listed = await git(repository.directory, [
      "ls-tree",
      "--name-only",
      revision,
      "migrations/",
    ]);
    return listed.split("\n").map((path) => path.replace(/^migrations\/(\d+)_.*$/, "$1"));
  }

  it("makes the same commits in another place", async () => {
    const second = await makeSampleRepository(join(directory, "second"));
    expect(second.tags).to.deep.equal(repository.tags);
    expect(second.head).to.equal(repository.head);
  });

  it("names the commits that git's own tags lead to", async () => {
    for (const [tag, commit] of Object.entries(repository.tags)) {
      const resolved = await git(repository.directory, ["rev-parse", `refs/tags/${tag}^{commit}`]);
      expect(resolved, tag).to.equal(commit);
    }
  });

  it("has one clean branch, whose newest commit has no tag", async () => {
    const branches = await git(repository.directory, ["branch", "--format=%(refname:short)"]);
    expect(branches).to.equal("master");
    expect(await git(repository.directory, ["status", "--porcelain"])).to.equal("");
    expect(await git(repository.directory, ["rev-parse", "HEAD"])).to.equal(repository.head);
    expect(Object.values(repository.tags)).not.to.include(repository.head);
  });

  it("leaves a finished repository as it is, and refuses to replace anything else", async () => {
    await writeFile(join(repository.directory, "untracked"), "");
    await makeSampleRepository(repository.directory);
    expect(await git(repository.directory, ["status", "--porcelain"])).to.equal("?? untracked");
    await rm(join(repository.directory, "untracked"));

    const error = await makeSampleRepository(directory).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(String(error)).to.contain("holds something else");
  });

  it("is made by the next start where the making of it was killed", async () => {
    const path = join(directory, "killed");
    // A git that never ends stands for one that is at work when the power goes.
    const programs = join(directory, "programs");
    await mkdir(programs);
    const git = `#!/bin/sh\n"${await realGit()}" "$@"; touch "$0.began"; exec sleep 600\n`;
    await writeFile(join(programs, "git"), git, { mode: 0o755 });
    const maker = spawn(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval"].concat(makes(path)),
      {
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...process.env, PATH: `${programs}:${process.env.PATH ?? ""}` },
        detached: true,
      },
    );
    const ended = once(maker, "exit");
    while ((await stat(join(programs, "git.began")).catch(() => undefined)) === undefined)
      await sleep(20);
    process.kill(-(maker.pid ?? 0), "SIGKILL");
    await ended;

    const made = await makeSampleRepository(path);
    expect(made.tags).to.deep.equal(repository.tags);
    const left = (await readdir(directory)).filter((name) => name.startsWith("killed"));
    expect(left).to.deep.equal(["killed"]);
  });

  it("takes the place of an older one, of which nothing is left", async () => {
    const path = join(directory, "older");
    await makeSampleRepository(path, { withBadReleases: false });
    await mkdir(join(directory, "older.unfinished", "made"), { recursive: true });
    const newer = await makeSampleRepository(path);
    expect(newer.tags).to.deep.equal(repository.tags);
    expect(await git(path, ["status", "--porcelain"])).to.equal("");
    const left = (await readdir(directory)).filter((name) => name.startsWith("older"));
    expect(left).to.deep.equal(["older"]);
  });

  it("is removed with what was left of an unfinished one", async () => {
    const path = join(directory, "removed");
    await makeSampleRepository(path, { withBadReleases: false });
    await mkdir(join(directory, "removed.unfinished", "made"), { recursive: true });
    await removeSampleRepository(path);
    await removeSampleRepository(path);
    expect((await readdir(directory)).filter((name) => name.startsWith("removed"))).to.be.empty;
  });

  it("adds migrations release by release", async () => {
    expect(await migrationsAt("v1.0.0")).to.deep.equal(["001", "002", "003"]);
    expect(await migrationsAt("v1.0.1")).to.have.length(3);
    expect(await migrationsAt("v1.1.0")).to.have.length(4);
    expect(await migrationsAt("v1.2.0")).to.have.length(8);
    expect(await migrationsAt("v1.3.0")).to.have.length(8);
    expect(await migrationsAt("v2.0.0")).to.have.length(9);
    expect(await migrationsAt("master")).to.have.length(10);
  });

  it("keeps one crate version through releases that the web client's version tells apart", async () => {
    for (const tag of ["v1.0.0", "v1.0.1", "v1.1.0", "v1.2.0", "v1.3.0"]) {
      expect(await show(tag, "Cargo.toml"), tag).to.contain('version = "1.0.0"');
      const web = JSON.parse(await show(tag, "clients/web/static/version.json")) as object;
      expect(web).to.deep.equal({ version: tag.slice(1) });
    }
    expect(await show("v2.0.0", "Cargo.toml")).to.contain('version = "2.0.0"');
  });

  it("has upstream's names in the compose file", async () => {
    const compose = parse(await show("v1.0.0", "docker-compose.yml")) as {
      services: Record<string, { container_name?: string }>;
      volumes: object;
      networks: object;
      secrets: object;
    };
    expect(compose.services.chatalot?.container_name).to.equal("chatalot-server");
    expect(compose.services.postgres?.container_name).to.equal("chatalot-db");
    expect(Object.keys(compose.volumes)).to.deep.equal(["postgres_data", "file_storage"]);
    expect(Object.keys(compose.networks)).to.deep.equal(["external", "internal"]);
    expect(Object.keys(compose.secrets)).to.deep.equal(["jwt_private_key", "jwt_public_key"]);
  });

  it("changes the database's entry in v1.3.0 and requires PUBLIC_URL from v2.0.0 on", async () => {
    expect(await show("v1.2.0", "docker-compose.yml")).not.to.contain("max-size");
    expect(await show("v1.3.0", "docker-compose.yml")).to.contain("max-size");
    expect(await show("v1.3.0", "docker-compose.yml")).not.to.contain("PUBLIC_URL:?");
    expect(await show("v2.0.0", "docker-compose.yml")).to.contain("PUBLIC_URL:?");
    expect(await show("v2.0.0", "docs/appendix/changelog.md")).to.contain("### Breaking changes");
  });

  it("has no text that makes a build reach the network", async () => {
    expect(await show("master", "Dockerfile")).not.to.match(/syntax=|apt-get|npm |curl /);
  });

  it("leaves the bad releases out on request", async () => {
    const good = await makeSampleRepository(join(directory, "good"), { withBadReleases: false });
    expect(good.head).to.equal(repository.head);
    expect(good.releases.map((release) => release.expected)).to.deep.equal(Array(7).fill("serves"));
  });
});

async function realGit(): Promise<string> {
  return (await execa("sh", ["-c", "command -v git"])).stdout;
}

/** A program that makes the sample repository. */
function makes(path: string): string {
  return `import { makeSampleRepository } from ${JSON.stringify(MODULE)};
    await makeSampleRepository(${JSON.stringify(path)});`;
}
