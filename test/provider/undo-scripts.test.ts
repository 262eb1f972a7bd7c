import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readUndoScripts } from "../../provider/undo-scripts.ts";

describe("readUndoScripts", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-undo-"))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const read = async (...names: string[]) => {
    for (const name of names) await writeFile(join(folder, name), `-- ${name}`);
    return readUndoScripts(folder);
  };
  const failure = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "none",
      (error: unknown) => (error as Error).message,
    );

  it("takes one file for each migration, and the way down before the way up", async () => {
    const scripts = await read("050_x.sql", "050_x.down.sql", "9_a.sql", "README.md", "x_1.sql");
    expect(scripts).to.have.deep.members([
      { version: 50, sql: "-- 050_x.down.sql" },
      { version: 9, sql: "-- 9_a.sql" },
    ]);
  });

  it("refuses two files for one migration", async () => {
    expect(await failure(read("050_x.sql", "50_y.sql"))).to.contain(
      "050_x.sql and 50_y.sql are for the same migration",
    );
  });

  it("refuses a file that no request could carry", async () => {
    await writeFile(join(folder, "1_x.sql"), "-".repeat(1_000_001));
    expect(await failure(read())).to.contain("1_x.sql has more than 1000000 bytes");
  });

  it("names a folder that is not there", async () => {
    expect(await failure(readUndoScripts(join(folder, "away")))).to.contain(
      "can't be read (ENOENT)",
    );
  });
});
