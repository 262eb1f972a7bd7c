import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { UserError } from "../../common/errors.ts";
import { git } from "../../release/git.ts";
import { withLock } from "../../release/mirror-lock.ts";
import { forgetUpdates, openMirror, updateMirror, type Mirror } from "../../release/mirror.ts";
import { resolveReference } from "../../release/resolve.ts";
import { SAMPLE_FILES, SampleRepository } from "./sample-repository.ts";

async function refusal(action: Promise<unknown>): Promise<string> {
  const thrown: unknown = await action.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).to.be.instanceOf(UserError);
  return (thrown as UserError).message;
}

describe("mirror", () => {
  let sample: SampleRepository;
  let first: string;
  let second: string;

  const open = (address = sample.path): Promise<Mirror> =>
    openMirror(address, { cacheDirectory: join(sample.folder, "cache"), fetchTimeLimit: 50_000 });
  /** As in another run of the program. */
  const resolve = async (reference: string, address?: string) => {
    forgetUpdates();
    return await resolveReference(await open(address), reference);
  };

  beforeEach(async () => {
    sample = await SampleRepository.create();
    first = await sample.commit(SAMPLE_FILES);
    await sample.git("tag", "v1");
    second = await sample.commit({ "a.txt": "a" });
    await sample.git("tag", "--annotate", "--message=two", "v2");
  });

  afterEach(async () => {
    await sample.remove();
  });

  it("finds lightweight and annotated tags, and commits in short and in full", async () => {
    for (const [reference, commit] of [
      ["v1", first],
      ["v2", second],
      [first, first],
      [first.slice(0, 7), first],
      [`v1@${first.slice(0, 9)}`, first],
      [`v1@${first}`, first],
    ] as const) {
      expect(await resolve(reference)).to.deep.include({ commit, name: reference, warnings: [] });
    }
  });

  it("reads the repository once in a process", async () => {
    const mirror = await open();
    await resolveReference(mirror, "v1");
    await sample.git("tag", "v3");
    expect(await refusal(resolveReference(mirror, "v3"))).to.include("has no such tag");
    expect((await resolve("v3")).commit).to.equal(second);
  });

  it("refuses a tag that was moved, and says how to go on", async () => {
    await resolve("v1");
    await sample.git("tag", "--force", "v1", second);
    const text = await refusal(resolve("v1"));
    expect(text).to.include(first).and.to.include(second);
    expect(text).to.include(`pulumi config set release v1@${second}`);
    expect(await refusal(resolve("v1")), "still, the next time").to.equal(text);
    expect((await resolve(`v1@${second}`)).commit).to.equal(second);
    const stayed = await resolve(`v1@${first.slice(0, 7)}`);
    expect(stayed.commit).to.equal(first);
    expect(stayed.warnings.join()).to.include(`moved to commit ${second}`);
  });

  it("notices a tag that was moved before anybody asked for it, but after it was seen", async () => {
    await resolve("v2");
    await sample.git("tag", "--force", "v1", second);
    expect(await refusal(resolve("v1"))).to.include("when it was first seen");
  });

  it("refuses a tag that was deleted, but keeps its commit", async () => {
    const side = await sample.commit({ "b.txt": "b" });
    await sample.git("tag", "v3");
    await resolve("v3");
    await sample.git("tag", "--delete", "v3");
    await sample.git("reset", "--quiet", "--hard", second);
    expect(await refusal(resolve("v3")))
      .to.include("deleted")
      .and.to.include(`v3@${side}`);
    expect((await resolve(`v3@${side.slice(0, 7)}`)).commit).to.equal(side);
    expect((await resolve(`v3@${side}`)).commit).to.equal(side);
  });

  it("refuses a commit that isn't the tag's", async () => {
    expect(await refusal(resolve(`v1@${second}`))).to.include(`the tag v1 is commit ${first}`);
  });

  it("refuses a branch, naming its commit", async () => {
    expect(await refusal(resolve("main")))
      .to.include("branch")
      .and.to.include(second);
  });

  it("takes the tag where a branch has the same name", async () => {
    await sample.git("branch", "v1", second);
    expect((await resolve("v1")).commit).to.equal(first);
  });

  it("refuses what isn't there, and a tag that names no commit", async () => {
    await sample.git("tag", "tree", "HEAD^{tree}");
    expect(await refusal(resolve("v9"))).to.include("has no such tag");
    expect(await refusal(resolve("tree"))).to.include("has no such tag");
    expect(await refusal(resolve("abcdef0"))).to.include("no single commit abcdef0");
    expect(await refusal(resolve("0".repeat(40)))).to.include("no single commit");
  });

  it("passes over tags whose names git takes for options", async () => {
    await sample.git("update-ref", "refs/tags/-x", first);
    expect((await resolve("v1")).commit).to.equal(first);
  });

  it("keeps a tag apart from an older one of which its name is a part", async () => {
    await resolve("v1");
    await sample.git("tag", "--delete", "v1");
    await sample.git("tag", "v1/fix", second);
    expect((await resolve("v1/fix")).commit).to.equal(second);
  });

  it("goes on with what it has where the repository can't be read", async () => {
    await resolve("v1");
    await sample.git("branch", "--quiet", "gone");
    await rename(sample.path, `${sample.path}-away`);
    const offline = await resolve("v1");
    expect(offline.commit).to.equal(first);
    expect(offline.warnings.join()).to.include("can't be read").and.to.include(sample.path);
    expect((await resolve(first)).warnings, "nothing is asked for a full commit").to.deep.equal([]);
    expect(await refusal(resolve("v9"))).to.include("can't be read");
  });

  it("reads again after a repository was out of reach", async () => {
    const away = join(sample.folder, "later");
    expect(await refusal(resolve("v1", away))).to.include(`The repository ${away} can't be read`);
    await execa("git", ["clone", "--quiet", "--bare", sample.path, away]);
    expect((await resolve("v1", away)).commit).to.equal(first);
  });

  it("can be made and read by many at once", async () => {
    const script = join(sample.folder, "resolve.mts");
    const module = (name: string): string =>
      JSON.stringify(new URL(`../../release/${name}.ts`, import.meta.url).href);
    await writeFile(
      script,
      `import { openMirror } from ${module("mirror")};
       import { resolveReference } from ${module("resolve")};
       const [address, cacheDirectory] = process.argv.slice(2);
       const mirror = await openMirror(address, { cacheDirectory });
       console.log((await resolveReference(mirror, "v2")).commit);`,
    );
    const argv = ["--import=tsx", script, sample.path, join(sample.folder, "cache")];
    const cwd = new URL("../..", import.meta.url);
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => execa(process.execPath, argv, { cwd })),
    );
    expect(new Set(runs.map(({ stdout }) => stdout))).to.deep.equal(new Set([second]));
    const left = await readdir(join(sample.folder, "cache", "mirrors"));
    expect(left, "nothing temporary is left").to.have.length(1);
  });

  it("runs no hook, neither of the mirror nor of a template", async () => {
    const mirror = await open();
    await updateMirror(mirror);
    const pwned = join(sample.folder, "PWNED");
    await mkdir(join(mirror.directory, "hooks"), { recursive: true });
    await writeFile(
      join(mirror.directory, "hooks", "reference-transaction"),
      `#!/bin/sh\ntouch '${pwned}'\n`,
      { mode: 0o755 },
    );
    await sample.git("tag", "v3");
    await resolve("v3");
    expect(existsSync(pwned)).to.equal(false);
  });

  it("isn't led astray by the variables of a git hook that it runs in", async () => {
    process.env["GIT_DIR"] = "/nowhere";
    process.env["GIT_INDEX_FILE"] = "/nowhere";
    try {
      expect((await resolve("v1")).commit).to.equal(first);
    } finally {
      delete process.env["GIT_DIR"];
      delete process.env["GIT_INDEX_FILE"];
    }
  });

  it("keeps one mirror for an address with and without credentials", async () => {
    const cacheDirectory = join(sample.folder, "cache");
    const plain = await openMirror("https://example.org/a.git", { cacheDirectory });
    const secret = await openMirror("https://me:topsecret@example.org/a.git", { cacheDirectory });
    expect(secret.directory).to.equal(plain.directory);
  });

  describe("with a server that", () => {
    let server: Server;
    const listen = async (answer: string | undefined): Promise<string> => {
      server = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.on("data", () => {
          if (answer !== undefined) socket.end(answer);
        });
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      return `https://me:topsecret@127.0.0.1:${(server.address() as AddressInfo).port}/a.git`;
    };

    afterEach(() => {
      server.close();
    });

    it("never answers: ends in time and names the repository without credentials", async () => {
      const address = await listen(undefined);
      const mirror = await openMirror(address, {
        cacheDirectory: join(sample.folder, "cache"),
        fetchTimeLimit: 1_000,
      });
      const text = await refusal(resolveReference(mirror, "v1"));
      expect(text).to.include("https://127.0.0.1").and.to.include("no result after 1.0 s");
      expect(text).not.to.include("topsecret");
    });

    it("never answers: is given up sooner by who can do without it", async () => {
      const mirror = { ...(await open(await listen(undefined))), answerTimeLimit: 1_000 };
      expect(await refusal(resolveReference(mirror, "v1"))).to.include("no result after 1.0 s");
    });

    it("doesn't speak TLS: says so", async () => {
      const address = await listen("HTTP/1.0 400 Bad Request\r\n\r\n");
      const text = await refusal(resolve("v1", address));
      expect(text).to.match(/can't be read: .*(SSL|TLS|handshake)/i);
      expect(text).not.to.include("topsecret");
    });

    it("isn't there any more: says so at once", async () => {
      const address = await listen(undefined);
      await new Promise((done) => server.close(done));
      expect(await refusal(resolve("v1", address))).to.match(/can't be read: .*connect/i);
    });
  });
});

describe("git", () => {
  it("gives credentials to git by a helper, not in an argument", async () => {
    const output = await execa(
      "git",
      [
        "-c",
        "credential.helper=",
        "-c",
        `credential.helper=${await helperOf()}`,
        "credential",
        "fill",
      ],
      {
        input: "protocol=https\nhost=example.org\n\n",
        env: {
          GIT_TERMINAL_PROMPT: "0",
          CHATALOT_DEPLOY_GIT_USERNAME: "me",
          CHATALOT_DEPLOY_GIT_PASSWORD: `to"p$(id)'secret`,
        },
      },
    );
    expect(output.stdout).to.include("username=me\npassword=to\"p$(id)'secret");
  });

  it("refuses every protocol but the one that is needed", async () => {
    const sample = await SampleRepository.create();
    try {
      const remote = { kind: "https", url: "https://example.org/x" } as const;
      const argv = ["ls-remote", sample.path];
      const thrown: unknown = await git(join(sample.path, ".git"), argv, { remote }).catch(
        (error: unknown) => error,
      );
      expect(String(thrown)).to.include("transport 'file' not allowed");
    } finally {
      await sample.remove();
    }
  });
});

/** The helper as git is given it: seen by a git that is put in the place of the real one. */
async function helperOf(): Promise<string> {
  const sample = await SampleRepository.create();
  const before = process.env["PATH"];
  try {
    const log = join(sample.folder, "argv");
    const script = `#!/bin/sh\nprintf '%s\\n' "$@" > '${log}'\n`;
    await writeFile(join(sample.folder, "git"), script, { mode: 0o755 });
    process.env["PATH"] = `${sample.folder}:${before}`;
    await git(sample.path, ["fetch"], {
      remote: {
        kind: "https",
        url: "https://example.org/x",
        credentials: { username: "me", password: "topsecret" },
      },
    });
    const argv = await readFile(log, "utf8");
    expect(argv).not.to.include("topsecret");
    return /^credential\.helper=(.+)$/m.exec(argv)?.[1] ?? "";
  } finally {
    process.env["PATH"] = before;
    await sample.remove();
  }
}

describe("withLock", () => {
  let sample: SampleRepository;
  let file: string;

  beforeEach(async () => {
    sample = await SampleRepository.create();
    file = join(sample.folder, "lock");
  });

  afterEach(async () => {
    await sample.remove();
  });

  it("lets one in at a time and leaves nothing behind", async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((done) => setTimeout(done, 20));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 5 }, () => withLock(file, 50_000, work)));
    expect(most).to.equal(1);
    expect(await readdir(sample.folder)).to.deep.equal(["upstream"]);
  });

  it("takes over the lock of a process that has ended", async () => {
    const ended = execa("true");
    await ended;
    await writeFile(file, JSON.stringify({ process: ended.pid, id: "x" }));
    expect(await withLock(file, 10_000, async () => "done")).to.equal("done");
  });

  it("names the file where a living process holds it too long", async () => {
    await writeFile(file, JSON.stringify({ process: process.pid, id: "x" }));
    // Dated ahead, it doesn't grow too old during the test.
    await utimes(file, new Date(), new Date(Date.now() + 60_000));
    expect(await refusal(withLock(file, 300, async () => "done"))).to.include(file);
  });

  it("frees the lock when the work fails", async () => {
    await withLock(file, 1_000, () => Promise.reject(new Error("no"))).catch(() => undefined);
    expect(existsSync(file)).to.equal(false);
  });
});
