import { readFile, readdir } from "node:fs/promises";
import { expect } from "chai";
import { type Effect, readEffects } from "../../../release/migrations/effects.ts";

/** Short: `files: 2 new columns (instant)`, with ! where data are deleted. */
async function effectsOf(sql: string): Promise<string[]> {
  const [effects = []] = await readEffects([sql]);
  return effects.map(short);
}

function short({ on, what, cost, isDestructive }: Effect): string {
  return `${on === "" ? "" : `${on}: `}${what} (${cost})${isDestructive ? "!" : ""}`;
}

describe("readEffects", () => {
  const table: [sql: string, ...effects: string[]][] = [
    ["", ...[]],
    ["CREATE TABLE t (id int)", "t: new table (instant)"],
    [
      "ALTER TABLE public.files ADD a text, ADD COLUMN b int NOT NULL DEFAULT 0",
      "files: 2 new columns (instant)",
    ],
    [
      "ALTER TABLE files ADD at timestamptz NOT NULL DEFAULT now()",
      "files: 1 new column (instant)",
    ],
    ["ALTER TABLE files ADD x jsonb NOT NULL DEFAULT '{}'::jsonb", "files: 1 new column (instant)"],
    [
      "ALTER TABLE files ADD u uuid DEFAULT gen_random_uuid()",
      "files: 1 new column with values for each row (writes)",
    ],
    ["ALTER TABLE files ADD n bigserial", "files: 1 new column with values for each row (writes)"],
    [
      "ALTER TABLE files ADD g int GENERATED ALWAYS AS (1) STORED",
      "files: 1 new column with values for each row (writes)",
    ],
    [
      "ALTER TABLE files ADD m int REFERENCES messages (id)",
      "files: 1 new column with a check (reads)",
    ],
    ["ALTER TABLE files DROP COLUMN a", "files: drops column a (instant)!"],
    ["ALTER TABLE files ALTER a TYPE bigint", "files: another type for a (writes)"],
    ["ALTER TABLE files ALTER a SET NOT NULL", "files: 1 check of all rows (reads)"],
    [
      "ALTER TABLE files ADD CHECK (a > 1), ADD FOREIGN KEY (b) REFERENCES c (d)",
      "files: 2 checks of all rows (reads)",
    ],
    [
      "ALTER TABLE files ADD CONSTRAINT x FOREIGN KEY (b) REFERENCES c (d) NOT VALID",
      "files: 1 check of all rows (instant)",
    ],
    ["ALTER TABLE files ADD PRIMARY KEY (id)", "files: 1 key (writes)"],
    ["ALTER TABLE files ADD CONSTRAINT k UNIQUE USING INDEX i", "files: 1 key (instant)"],
    ["CREATE INDEX ON files (a); CREATE INDEX ON files (b)", "files: 2 indexes (writes)"],
    ["ALTER TYPE kind ADD VALUE 'x'", "a type: 1 new value (instant)"],
    ["ALTER TABLE files RENAME a TO b", "files: 1 new name (instant)"],
    ["DROP TABLE files, audit.log", "files: drops it (instant)!", "audit.log: drops it (instant)!"],
    ["TRUNCATE files", "files: empties it (instant)!"],
    ["UPDATE files SET a = 1", "files: changes rows (writes)"],
    ["DELETE FROM files", "files: deletes rows (writes)!"],
    ["INSERT INTO files VALUES (1)", "files: new rows (instant)"],
    ["INSERT INTO files SELECT * FROM old", "files: new rows (writes)"],
    [
      "WITH gone AS (DELETE FROM files RETURNING *) INSERT INTO old SELECT * FROM gone",
      "runs a query that may write (unknown)",
    ],
    ["DO $$ BEGIN DELETE FROM files; END $$", "runs do (unknown)"],
    ["SELECT tidy()", "runs select (unknown)"],
    ["COMMENT ON TABLE files IS 'x'; SET lock_timeout = '1s'; CREATE EXTENSION pgcrypto"],
  ];
  for (const [sql, ...effects] of table)
    it(`reads ${sql === "" ? "nothing" : sql}`, async () => {
      expect(await effectsOf(sql)).to.deep.equal(effects);
    });

  it("takes tables that the migrations make themselves for empty, in later ones too", async () => {
    const effects = await readEffects([
      "CREATE TABLE t (a int); CREATE INDEX ON t (a)",
      "ALTER TABLE t ALTER a TYPE bigint; DROP TABLE t; UPDATE files SET a = 1",
    ]);
    expect(effects.map((each) => each.map(short))).to.deep.equal([
      ["t: new table (instant)"],
      ["files: changes rows (writes)"],
    ]);
  });

  it("does not take a table for new that may be there", async () => {
    expect(
      await effectsOf("CREATE TABLE IF NOT EXISTS t (a int); CREATE INDEX ON t (a)"),
    ).to.include("t: 1 index (writes)");
  });

  it("says of what can't be read that it is unknown", async () => {
    expect((await effectsOf("ALTER TABL files"))[0]).to.match(/syntax error.*\(unknown\)$/);
    expect((await effectsOf(`-- ${"x".repeat(2 ** 20)}`))[0]).to.match(/1 MB \(unknown\)$/);
  });

  it("lets no name steer the terminal", async () => {
    const [effect] = await effectsOf('DROP TABLE "a\u001b[31mb"');
    expect(effect).to.equal("a?[31mb: drops it (instant)!");
  });

  it("reads all migrations of the sample", async () => {
    const folder = new URL("../../../demo/repository/migrations/", import.meta.url);
    const files = (await readdir(folder)).sort();
    const sql = await Promise.all(files.map((file) => readFile(new URL(file, folder), "utf8")));
    const effects = await readEffects(sql);
    expect(effects).to.have.length(files.length);
    // One sets a counter; what a function does is not known.
    const unknown = effects.flat().filter(({ cost }) => cost === "unknown");
    expect(unknown.map(({ what }) => what)).to.deep.equal(["runs select"]);
  });
});
