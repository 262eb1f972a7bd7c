import { readFile, readdir } from "node:fs/promises";
import { expect } from "chai";
import { type Effect, readEffects } from "../../../release/migrations/effects.ts";

/** Short: `files: 2 new columns (instant)`, with < and what is read, and with ! where data are deleted. */
async function effectsOf(sql: string): Promise<string[]> {
  const [effects = []] = await readEffects([sql]);
  return effects.map(short);
}

function short({ on, what, cost, isDestructive, reads }: Effect): string {
  const from = reads === undefined ? "" : ` < ${reads.join(", ")}`;
  return `${on === "" ? "" : `${on}: `}${what}${from} (${cost})${isDestructive ? "!" : ""}`;
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
    ["INSERT INTO files SELECT * FROM old", "files: new rows < old (writes)"],
    [
      "INSERT INTO t SELECT 1 FROM a JOIN b USING (id) WHERE x IN (SELECT x FROM c) UNION SELECT 2 FROM s.d",
      "t: new rows < a, b, s.d (writes)",
    ],
    [
      "INSERT INTO t SELECT * FROM (WITH x AS (TABLE a) SELECT * FROM x) y",
      "t: new rows < a (writes)",
    ],
    ["INSERT INTO t (WITH x AS (TABLE a) TABLE x)", "t: new rows < a (writes)"],
    ["INSERT INTO t SELECT n FROM generate_series(1, 9) n", "t: new rows < a function (writes)"],
    ["CREATE TABLE t AS SELECT * FROM messages", "t: new table < messages (writes)"],
    ["CREATE TABLE t AS EXECUTE q", "t: new table < a prepared query (writes)"],
    ["CREATE TABLE t AS TABLE messages WITH NO DATA", "t: new table (instant)"],
    ["CREATE TABLE t AS SELECT 1 AS a", "t: new table (instant)"],
    [
      "CREATE TABLE t AS WITH gone AS (DELETE FROM files RETURNING *) TABLE gone",
      "runs a query that may write (unknown)",
    ],
    [
      "CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM messages",
      "v: new materialized view < messages (writes)",
    ],
    [
      "DROP TYPE public.mood, kind CASCADE",
      "drops type mood and all columns that need it (instant)!",
      "drops type kind and all columns that need it (instant)!",
    ],
    ["DROP DOMAIN email CASCADE", "drops domain email and all columns that need it (instant)!"],
    [
      "DROP EXTENSION citext CASCADE",
      "drops extension citext and all columns that need it (instant)!",
    ],
    ["DROP TYPE mood; DROP FUNCTION f CASCADE", "drops type (instant)", "drops function (instant)"],
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

  it("tells the rebuild of a table by a copy of it, whatever stays small beside it", async () => {
    expect(
      await effectsOf(
        "CREATE TABLE messages_new (id int); CREATE TABLE seeds (id int); INSERT INTO seeds VALUES (1);" +
          "INSERT INTO messages_new SELECT id FROM messages; CREATE INDEX ON messages_new (id);" +
          "CREATE INDEX ON seeds (id); DROP TABLE messages; ALTER TABLE messages_new RENAME TO messages",
      ),
    ).to.deep.equal([
      "messages_new: new table (instant)",
      "seeds: new table (instant)",
      "messages_new: new rows < messages (writes)",
      "messages_new: 1 index (writes)",
      "messages: drops it (instant)!",
      "messages_new: 1 new name (instant)",
    ]);
  });

  it("takes a table for full once it is filled from another, in later migrations too", async () => {
    const effects = await readEffects([
      "CREATE TABLE t (a int); CREATE TABLE u (a int); INSERT INTO u SELECT a FROM t",
      "INSERT INTO t SELECT a FROM messages",
      "CREATE INDEX ON t (a); CREATE INDEX ON u (a); INSERT INTO u SELECT a FROM t",
      "UPDATE u SET a = 1",
    ]);
    expect(effects.map((each) => each.map(short))).to.deep.equal([
      ["t: new table (instant)", "u: new table (instant)"],
      ["t: new rows < messages (writes)"],
      ["t: 1 index (writes)", "u: new rows < t (writes)"],
      ["u: changes rows (writes)"],
    ]);
  });

  for (const code of [
    "DO $$ BEGIN INSERT INTO t SELECT a FROM messages; END $$",
    "WITH x AS (TABLE messages) INSERT INTO t SELECT a FROM x",
    "INSERT IN t",
  ])
    it(`takes no table for small any more after ${code}`, async () => {
      const [, , [last] = []] = await readEffects([
        "CREATE TABLE t (a int)",
        code,
        "CREATE INDEX ON t (a)",
      ]);
      expect(last).to.include({ on: "t", what: "1 index", cost: "writes" });
    });

  it("does not take a table for new that got its name from it", async () => {
    expect(
      await effectsOf(
        "CREATE TABLE t (a int); DROP TABLE t; ALTER TABLE messages RENAME TO t; CREATE INDEX ON t (a)",
      ),
    ).to.include("t: 1 index (writes)");
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
    expect(effects.flat().filter(({ cost }) => cost === "unknown")).to.deep.equal([]);
    expect(effects.flat().map(short)).to.include("channels_id_seq: sets the sequence (instant)");
  });
});
