import { mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { messageOf } from "../../common/errors.ts";
import { archivePath } from "../../updater/archive-path.ts";
import { readComposeFile } from "../../updater/drivers/compose/image.ts";
import { sha256OfFile } from "../../updater/files.ts";
import { PREPARE_STEPS } from "../../updater/steps/prepare.ts";
import { type Files, SAMPLE_FILES, SampleRepository } from "../release/sample-repository.ts";
import { guardAgainstExecution, HOSTILE_VALUES } from "../support/hostile-values.ts";
import { makeContext, NEW_COMMIT, switchPlan } from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

/** One member of an archive: a file with its text, or a link with its target. */
type Member = { name: string; text: string } | { name: string; target: string };

describe("a hostile release's tree", function () {
  this.timeout(60_000);
  guardAgainstExecution();
  const temporary = useTemporaryDirectory();

  it("has files of those very names on the server, and nothing beside it", async () => {
    const sample = await SampleRepository.create();
    try {
      const names = HOSTILE_VALUES.filter(
        (value) => !/[\0/]/.test(value) && value.length < 200 && ![".", ".."].includes(value),
      );
      const all: Files = { ...SAMPLE_FILES };
      for (const name of names) all[`odd/${name}`] = name;
      for (const [at, link] of ["/etc/passwd", "../../../outside", "odd"].entries())
        all[`link${at}`] = { link };
      const commit = await sample.commit(all);
      await sample.git("archive", "--format=tar", `--output=${temporary("tree.tar")}`, commit);
      const tree = await unpacked(temporary("tree.tar"));
      expect((await readdir(join(tree, "odd"))).sort()).to.deep.equal(names.sort());
      for (const name of names)
        expect(await readFile(join(tree, "odd", name), "utf8")).to.equal(name);
    } finally {
      await sample.remove();
    }
  });

  it("is unpacked from an archive that was made here, whose names stay inside", async () => {
    const members = [
      { name: "a/file", text: "x" },
      { name: "way", target: "a" },
    ];
    await writeFile(temporary("tree.tar"), archiveOf(members));
    const tree = await unpacked(temporary("tree.tar"));
    expect(await readFile(join(tree, "a", "file"), "utf8")).to.equal("x");
    expect(await readlink(join(tree, "way"))).to.equal("a");
  });

  const outside = (): Member[][] => [
    [{ name: "../../../PWNED", text: "x" }],
    [{ name: temporary("PWNED"), text: "x" }],
    [{ name: "a/../../../../PWNED", text: "x" }],
    [
      { name: "way", target: temporary() },
      { name: "way/PWNED", text: "x" },
    ],
    [
      { name: "way", target: "../../.." },
      { name: "way/PWNED", text: "x" },
    ],
  ];
  for (const index of [0, 1, 2, 3, 4])
    it(`writes nothing outside of it, whatever its archive names (${index})`, async () => {
      await writeFile(temporary("tree.tar"), archiveOf(outside()[index] ?? []));
      const problem = await unpacked(temporary("tree.tar")).then(() => "", messageOf);
      // Some names are made harmless instead of refused, which is as good.
      expect(problem).to.match(/^$|^unpack the release's tree: exit code 2: tar: /);
      const found = await readdir(temporary(), { recursive: true });
      const below = join("chat", "trees");
      expect(
        found.filter((path) => path.includes("PWNED") && !path.startsWith(below)),
      ).to.deep.equal([]);
    });

  it("has no compose file that is a link, whose target no preview has seen", async () => {
    await mkdir(temporary("tree"));
    await writeFile(temporary("tree", "docker-compose.yml"), "seen: true\n");
    await writeFile(temporary("other.yml"), "seen: false\n");
    await execa("ln", ["-s", temporary("other.yml"), temporary("tree", "compose.yaml")]);
    expect(await readComposeFile(temporary("tree"))).to.equal("seen: true\n");
  });

  /** Unpacks as J2 does; gives the tree's folder. */
  async function unpacked(file: string): Promise<string> {
    const { target: _, ...plan } = switchPlan();
    const sha256 = await sha256OfFile(file);
    const content = await readFile(file);
    const archive = { sha256, size: content.length };
    const context = await makeContext(temporary("chat"), { ...plan, kind: "prepare", archive });
    for (const folder of [context.paths.trees, context.paths.incoming])
      await mkdir(folder, { recursive: true });
    await writeFile(archivePath(context.paths.incoming, sha256), content);
    await PREPARE_STEPS.find(({ id }) => id === "J2")?.run(context);
    return join(context.paths.trees, NEW_COMMIT);
  }

  /** A tar that no `git archive` would write. */
  function archiveOf(members: readonly Member[]): Buffer {
    const blocks = members.flatMap((member) => {
      const text = "text" in member ? member.text : "";
      const header = Buffer.alloc(512);
      const put = (value: string, at: number): number => header.write(value, at, "latin1");
      put(member.name, 0);
      put("0000644\0", 100);
      put("0000000\0", 108);
      put("0000000\0", 116);
      put(`${text.length.toString(8).padStart(11, "0")}\0`, 124);
      put("00000000000\0", 136);
      put(" ".repeat(8), 148);
      put("text" in member ? "0" : "2", 156);
      if ("target" in member) put(member.target, 157);
      put("ustar\x0000", 257);
      const sum = header.reduce((total, byte) => total + byte, 0);
      put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      const content = Buffer.alloc(Math.ceil(text.length / 512) * 512);
      content.write(text);
      return [header, content];
    });
    return Buffer.concat([...blocks, Buffer.alloc(1024)]);
  }
});
