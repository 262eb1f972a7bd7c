import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { UserError } from "../../common/errors.ts";
import { withArchive } from "../../release/archive.ts";
import { forgetUpdates, openMirror, type Mirror } from "../../release/mirror.ts";
import { describeRelease, type Release } from "../../release/release.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { SAMPLE_FILES, SampleRepository, type Files } from "./sample-repository.ts";

const sha384 = (text: string): string => createHash("sha384").update(text).digest("hex");

let sample: SampleRepository;

beforeEach(async () => {
  sample = await SampleRepository.create();
});

afterEach(async () => {
  await sample.remove();
});

async function open(): Promise<Mirror> {
  forgetUpdates();
  return await openMirror(sample.path, { cacheDirectory: join(sample.folder, "cache") });
}

async function releaseOf(files: Files): Promise<Release> {
  const commit = await sample.commit(files);
  return await describeRelease(await open(), commit);
}

async function refusal(files: Files): Promise<string> {
  const thrown: unknown = await releaseOf(files).catch((error: unknown) => error);
  expect(thrown).to.be.instanceOf(UserError);
  return (thrown as UserError).message;
}

/** Counts the processes of git that work starts. */
async function countedGit<T>(work: () => Promise<T>): Promise<[T, number]> {
  const folder = join(sample.folder, "counted");
  const calls = join(folder, "calls");
  await mkdir(folder, { recursive: true });
  await writeFile(calls, "");
  const { stdout: git } = await execa("sh", ["-c", "command -v git"]);
  const program = `#!/bin/sh\necho call >> ${calls}\nexec ${git} "$@"\n`;
  await writeFile(join(folder, "git"), program, { mode: 0o755 });
  const former = process.env.PATH;
  process.env.PATH = `${folder}:${former}`;
  try {
    const result = await work();
    return [result, (await readFile(calls, "utf8")).split("\n").length - 1];
  } finally {
    process.env.PATH = former;
  }
}

describe("describeRelease", () => {
  it("reads commit, versions, migrations and compose file", async () => {
    const commit = await sample.commit(SAMPLE_FILES);
    await sample.git("tag", "v0.22.6");
    expect(await describeRelease(await open(), "v0.22.6")).to.deep.equal({
      name: "v0.22.6",
      tag: "v0.22.6",
      commit,
      committedAt: "2026-03-01T12:00:01Z",
      crateVersion: "0.17.0",
      webVersion: "0.22.6",
      migrations: [
        {
          version: 1,
          description: "users",
          file: "001_users.sql",
          checksum: sha384("CREATE TABLE users (id int);\n"),
        },
        {
          version: 2,
          description: "first messages",
          file: "002_first_messages.sql",
          checksum: sha384("CREATE TABLE messages (id int);\n"),
        },
      ],
      composeFile: SAMPLE_FILES["docker-compose.yml"],
      sql: new Map([
        ["001_users.sql", "CREATE TABLE users (id int);\n"],
        ["002_first_messages.sql", "CREATE TABLE messages (id int);\n"],
      ]),
      warnings: [],
    });
  });

  const versions: [string, Files, string | undefined][] = [
    ["of the workspace", {}, "0.17.0"],
    [
      "of the server's own crate",
      {
        "crates/chatalot-server/Cargo.toml":
          '[package]\nversion = "0.18.0" # new\nname = "chatalot-server"\n[dependencies]\nversion = "9.9.9"\n',
      },
      "0.18.0",
    ],
    [
      "of a single package",
      { "Cargo.toml": "[package]\nname = 'x'\nversion = \"1.2.3\"\n", crates: null },
      "1.2.3",
    ],
    ["that isn't one", { "Cargo.toml": '[workspace.package]\nversion = "new\\"est"\n' }, undefined],
    ["of nothing", { "Cargo.toml": null }, undefined],
  ];
  for (const [what, files, version] of versions) {
    it(`reads the version ${what}`, async () => {
      const { crates, ...rest } = files;
      const base = { ...SAMPLE_FILES };
      if (crates === null) {
        delete base["crates/chatalot-server/Cargo.toml"];
        delete base["crates/chatalot-server/src/main.rs"];
      }
      expect((await releaseOf({ ...base, ...rest })).crateVersion).to.equal(version);
    });
  }

  it("reads the web client's version from either place, if there is one", async () => {
    const old = "clients/web/static/version.json";
    const other = "clients/web/version.json";
    expect((await releaseOf({ ...SAMPLE_FILES, [old]: "no json" })).webVersion).to.equal(undefined);
    const moved = { ...SAMPLE_FILES, [old]: null, [other]: '{"version":"0.23.0"}' };
    expect((await releaseOf(moved)).webVersion).to.equal("0.23.0");
    expect((await releaseOf({ [other]: null })).webVersion).to.equal(undefined);
  });

  it("takes for a migration what sqlx takes for one", async () => {
    const { migrations } = await releaseOf({
      ...SAMPLE_FILES,
      "migrations/010_up_and_down.up.sql": "10",
      "migrations/010_up_and_down.down.sql": "-10",
      "migrations/20260301120000_by_time.sql": "t",
      "migrations/README.md": "",
      "migrations/003_notes.txt": "",
      "migrations/seed.sql": "",
      "migrations/x_y.sql": "",
      "migrations/old/004_deeper.sql": "",
      "other/005_other.sql": "",
      "migrations/006_link.sql": { link: "001_users.sql" },
    });
    expect(migrations.map(({ version, description }) => [version, description])).to.deep.equal([
      [1, "users"],
      [2, "first messages"],
      [10, "up and down"],
      [20260301120000, "by time"],
    ]);
  });

  it("takes checksums over the bytes of the commit, whatever a checkout would make of them", async () => {
    const bytes = "CREATE TABLE a;\n\r\n\u00e9";
    const { migrations } = await releaseOf({
      ...SAMPLE_FILES,
      ".gitattributes": "*.sql text eol=crlf ident\n",
      "migrations/003_bytes.sql": bytes.replace("\r", ""),
      "migrations/004_empty.sql": "",
    });
    expect(migrations[2]?.checksum).to.equal(sha384(bytes.replace("\r", "")));
    expect(migrations[3]?.checksum).to.equal(sha384(""));
  });

  it("refuses two migrations with one number", async () => {
    const text = await refusal({ ...SAMPLE_FILES, "migrations/2_again.sql": "" });
    expect(text).to.include("002_first_messages.sql and 2_again.sql have the same number");
  });

  it("refuses a number that can't be told from its neighbours", async () => {
    const text = await refusal({ ...SAMPLE_FILES, "migrations/9007199254740993_x.sql": "" });
    expect(text).to.include("too large a number");
  });

  it("refuses a commit without a compose file, and one that is a link", async () => {
    expect(await refusal({ "README.md": "" })).to.include("has no compose.yaml or");
    expect(await refusal({ "compose.yaml": { link: "/etc/passwd" } })).to.include("has no");
  });

  it("prefers the compose file that Compose prefers", async () => {
    const release = await releaseOf({ ...SAMPLE_FILES, "compose.yaml": "preferred: true\n" });
    expect(release.composeFile).to.equal("preferred: true\n");
  });

  it("asks git no more often for 500 migrations than for two", async () => {
    await open();
    const files: Files = { ...SAMPLE_FILES };
    const [few, calls] = await countedGit(async () => {
      return await describeRelease(await open(), await sample.commit(SAMPLE_FILES));
    });
    expect(few.migrations).to.have.length(2);
    for (let at = 3; at <= 500; at += 1)
      files[`migrations/${at}_step.sql`] = `-- ${at}\n`.repeat(50);
    const [many, callsForMany] = await countedGit(async () => {
      return await describeRelease(await open(), await sample.commit(files));
    });
    expect(many.migrations).to.have.length(500);
    expect(calls).to.be.above(0);
    expect(callsForMany).to.equal(calls);
  });
});

describe("withArchive", () => {
  const inCache = useOwnCache();
  const left = (): Promise<string[]> => readdir(inCache("chatalot-deploy", "archives"));

  it("has exactly the bytes of the commit, whatever its attributes say", async () => {
    const files = {
      ".gitattributes":
        "* ident export-subst text eol=crlf\nhidden.txt export-ignore\nutf16.txt working-tree-encoding=UTF-16\n",
      "a.sql": "$Id$ $Format:%H$\nline\n",
      "hidden.txt": "here\n",
      link: { link: "a.sql" },
      "folder with space/-x": "odd\n",
    };
    const commit = await sample.commit(files);
    const mirror = await open();
    await describeRelease(mirror, commit).catch(() => undefined);
    await withArchive(mirror, commit, async ({ path, sha256, size }) => {
      const bytes = await readFile(path);
      expect(sha256).to.equal(createHash("sha256").update(bytes).digest("hex"));
      expect(size).to.equal(bytes.length);
      const read = async (name: string): Promise<string> =>
        (await execa("tar", ["-xOf", path, "--", name], { stripFinalNewline: false })).stdout;
      expect(await read("a.sql")).to.equal("$Id$ $Format:%H$\nline\n");
      expect(await read("hidden.txt")).to.equal("here\n");
      expect(await read("folder with space/-x")).to.equal("odd\n");
      expect((await execa("tar", ["-tvf", path, "link"])).stdout).to.include("link -> a.sql");
    });
  });

  it("gives each of two runs at the same time a file of its own, with the same bytes", async () => {
    const commit = await sample.commit(SAMPLE_FILES);
    const mirror = await open();
    await describeRelease(mirror, commit);
    await withArchive(mirror, commit, async (one) => {
      const two = await withArchive(mirror, commit, (archive) => Promise.resolve(archive));
      expect(two.path).not.to.equal(one.path);
      expect({ ...two, path: "" }).to.deep.equal({ ...one, path: "" });
      const bytes = await readFile(one.path);
      expect(createHash("sha256").update(bytes).digest("hex")).to.equal(one.sha256);
    });
    expect(await left()).to.deep.equal([]);
  });

  it("leaves nothing behind where there is no such commit, and where the work fails", async () => {
    const commit = await sample.commit(SAMPLE_FILES);
    const mirror = await open();
    await describeRelease(mirror, commit);
    const never = withArchive(mirror, "0".repeat(40), () => Promise.resolve());
    expect(await never.catch((error: unknown) => error)).to.be.instanceOf(Error);
    const failing = withArchive(mirror, commit, () => Promise.reject(new RangeError("no")));
    expect(await failing.catch((error: unknown) => error)).to.be.instanceOf(RangeError);
    expect(await left()).to.deep.equal([]);
  });

  it("removes what killed runs left a day ago, and nothing that is younger", async () => {
    const commit = await sample.commit(SAMPLE_FILES);
    const mirror = await open();
    await describeRelease(mirror, commit);
    await mkdir(inCache("chatalot-deploy", "archives"), { recursive: true });
    for (const [name, hours] of [["old.tar", 25] as const, ["young.tar", 23] as const]) {
      const path = inCache("chatalot-deploy", "archives", name);
      await writeFile(path, "");
      const written = Date.now() / 1_000 - hours * 3_600;
      await utimes(path, written, written);
    }
    await withArchive(mirror, commit, () => Promise.resolve());
    expect(await left()).to.deep.equal(["young.tar"]);
  });
});
