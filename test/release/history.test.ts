import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { breakingLine } from "../../release/breaking.ts";
import { commitsBetween } from "../../release/history.ts";
import { type Mirror, openMirror, updateMirror } from "../../release/mirror.ts";
import { SampleRepository } from "./sample-repository.ts";

describe("commitsBetween", () => {
  let sample: SampleRepository;
  before(async () => (sample = await SampleRepository.create()));
  after(() => sample.remove());

  /** A branch with commits of these messages, the oldest first, on a commit of its own. */
  async function between(branch: string, messages: readonly string[]) {
    const commits = ["start", ...messages].map(
      (message, at) =>
        `commit refs/heads/${branch}\ncommitter S <s@example.org> ${1_770_000_000 + at} +0000\n` +
        `data ${Buffer.byteLength(message)}\n${message}\n`,
    );
    const stream = join(sample.folder, `${branch}.stream`);
    await writeFile(stream, commits.join(""));
    await execa("git", ["fast-import", "--quiet"], { cwd: sample.path, inputFile: stream });
    const from = await sample.git("rev-parse", `${branch}~${messages.length}`);
    const to = await sample.git("rev-parse", branch);
    const mirror: Mirror = await openMirror(sample.path, {
      cacheDirectory: join(sample.folder, `cache of ${branch}`),
    });
    await updateMirror(mirror);
    return commitsBetween(mirror, from, to);
  }

  it("counts, and gives the newest titles first", async () => {
    const found = await between("few", ["fix: a", "fix: b", "feat!: c"]);
    expect(found).to.deep.equal({
      ...{ ahead: 3, behind: 0 },
      subjects: ["feat!: c", "fix: b", "fix: a"],
      breaking: ["feat!: c"],
    });
  });

  it("finds what breaks in the oldest of thousands of commits, and in their texts", async () => {
    const others = Array.from({ length: 5_000 }, (_, at) => `fix: ${at}\n\nBREAKING news: none.`);
    const { ahead, subjects, breaking } = await between("many", [
      "feat(api)!: other tokens",
      "feat: keys\n\nMore.\n\nBREAKING CHANGE: make\nthem anew.\nRefs: #1",
      ...others,
    ]);
    expect([ahead, subjects.length]).to.deep.equal([5_002, 200]);
    expect(breaking).to.deep.equal(["feat: keys: make them anew.", "feat(api)!: other tokens"]);
  });

  it("shows nothing that steers a terminal, and says where it stops", async () => {
    const hostile = "feat!: a\u001b[31m\n\nBREAKING CHANGE: b\u202e\u001b]0;x\u0007";
    const { breaking } = await between("hostile", [
      ...Array<string>(250).fill("feat!: x"),
      hostile,
    ]);
    expect(breaking).to.have.lengthOf(201);
    expect(breaking[0]).to.equal("feat!: a?[31m: b??]0;x?");
    expect(breaking.at(-1)).to.include("more commits");
  });
});

describe("breakingLine", () => {
  const cases: [string, string, string | undefined][] = [
    ["feat!: a", "", "feat!: a"],
    ["feat(x)!: a", "b", "feat(x)!: a"],
    ["fix: a (BREAKING CHANGE)", "", "fix: a (BREAKING CHANGE)"],
    ["fix: a", "BREAKING-CHANGE: b", "fix: a: b"],
    ["fix: a", "c\r\n\r\nBREAKING CHANGE: b\r\n", "fix: a: b"],
    ["fix: a", "BREAKING CHANGE:\n\nb\nc\n\nd", "fix: a: b c"],
    ["fix: a", "BREAKING CHANGE: b\nSigned-off-by: c", "fix: a: b"],
    ["fix: a", "BREAKING CHANGE:", "fix: a: it breaks something, and doesn't say what"],
    ["fix: a", "no BREAKING CHANGE: in here", undefined],
    ["fix: a", "BREAKING CHANGES are none", undefined],
    ["fix: a", "* feat!: squashed", undefined],
    ["Hello world!: a", "", undefined],
  ];
  for (const [subject, body, line] of cases)
    it(`takes ${JSON.stringify([subject, body])} for ${line ?? "nothing that breaks"}`, () => {
      expect(breakingLine({ subject, body })).to.equal(line);
    });
});
