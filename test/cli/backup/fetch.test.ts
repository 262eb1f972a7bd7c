import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { expect } from "chai";
import { writeBackup } from "../../../cli/backup/fetch.ts";
import { UserError } from "../../../common/errors.ts";
import { backup, DUMP, NAME } from "./samples.ts";

describe("fetching a backup", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-fetch-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const sends =
    (...parts: string[]) =>
    async (stream: Writable): Promise<void> => {
      for (const part of parts) stream.write(part);
    };
  const noList = async (): Promise<void> => {
    throw new Error("it has no list");
  };
  const fetch = (receive: (stream: Writable) => Promise<void>, into = folder): Promise<void> =>
    writeBackup(backup(), into, { list: noList, content: receive }, { status: () => undefined });
  const failure = async (receive: (stream: Writable) => Promise<void>): Promise<unknown> =>
    fetch(receive).then(
      () => undefined,
      (error: unknown) => error,
    );

  it("puts dump and manifest there for their owner alone, and makes the folder", async () => {
    const into = join(folder, "some", "where");
    await fetch(sends(DUMP.slice(0, 5), DUMP.slice(5)), into);
    expect(await readdir(into)).to.deep.equal([NAME]);
    expect(await readFile(join(into, NAME, "database.dump"), "utf8")).to.equal(DUMP);
    const manifest = await readFile(join(into, NAME, "manifest.json"), "utf8");
    expect(JSON.parse(manifest)).to.deep.equal(backup().manifest);
    for (const [name, mode] of [
      ["", 0o700],
      ["database.dump", 0o600],
      ["manifest.json", 0o600],
    ] as const)
      expect((await stat(join(into, NAME, name))).mode & 0o777, name).to.equal(mode);
  });

  const arrivals: [string, string, string][] = [
    ["is cut", DUMP.slice(0, -1), `with 1 of its ${DUMP.length} bytes missing`],
    ["has another byte", DUMP.replace("w", "W"), "arrived with the SHA-256"],
    ["goes on behind its end", `${DUMP}!`, "more came than belongs to the backup"],
    ["is empty", "", `with ${DUMP.length} of its ${DUMP.length} bytes missing`],
  ];
  for (const [what, sent, cause] of arrivals)
    it(`keeps nothing of a dump that ${what}`, async () => {
      const error = await failure(sends(sent));
      expect(error).to.be.instanceOf(UserError);
      expect(String(error)).to.contain(cause).and.to.contain("npx chatalot backup check");
      expect(await readdir(folder)).to.deep.equal([]);
    });

  it("keeps nothing where the connection is lost, and says what the transport said", async () => {
    const error = await failure(async (stream) => {
      stream.write("half");
      throw new Error("the connection was lost");
    });
    expect(String(error)).to.contain("the connection was lost");
    expect(await readdir(folder)).to.deep.equal([]);
  });

  for (const [what, make] of [
    ["a folder", (path: string) => mkdir(path)],
    ["a file", (path: string) => writeFile(path, "mine")],
    ["a link that leads nowhere", (path: string) => symlink("/nowhere", path)],
  ] as const)
    it(`never writes over ${what} that has its name`, async () => {
      await make(join(folder, NAME));
      const error = await failure(sends(DUMP));
      expect(String(error)).to.contain("is there already, and is never written over");
      expect(await readdir(folder)).to.deep.equal([NAME]);
    });
});
