import { expect } from "chai";
import { readEffects } from "../../../release/migrations/effects.ts";

/** Short: `users_id_seq: sets the sequence`. */
async function instantEffects(sql: string): Promise<string[]> {
  const [effects = []] = await readEffects([sql]);
  return effects.map(({ on, what, cost, isDestructive }) => {
    expect({ cost, isDestructive }).to.deep.equal({ cost: "instant", isDestructive: false });
    return on === "" ? what : `${on}: ${what}`;
  });
}

describe("the effects of a SELECT", () => {
  const told: [sql: string, ...effects: string[]][] = [
    ["SELECT setval('users_id_seq', 42)", "users_id_seq: sets the sequence"],
    [
      "SELECT pg_catalog.setval('public.users_id_seq'::regclass, -1::bigint, true) AS last",
      "users_id_seq: sets the sequence",
    ],
    [
      "SELECT setval('audit.log_id_seq', 1), setval('files_id_seq', nextval('a_seq') + 1)",
      "audit.log_id_seq: sets the sequence",
      "a_seq: takes the next number",
      "files_id_seq: sets the sequence",
    ],
    ["SELECT setval(pg_get_serial_sequence('users', 'id'), 1)", "a sequence: sets the sequence"],
    ["SELECT setval('\"Users Seq\"', 1)", "a sequence: sets the sequence"],
    [
      "SELECT set_config('lock_timeout', '1s', true); SELECT pg_catalog.set_config('search_path', '', false)",
      "2 settings of the session",
    ],
    ["SELECT pg_advisory_xact_lock(hashtext('migrations'))", "1 advisory lock"],
    ["SELECT 1, now(), current_setting('server_version')"],
  ];
  for (const [sql, ...effects] of told)
    it(`are what it calls: ${JSON.stringify(sql)}`, async () => {
      expect(await instantEffects(sql)).to.deep.equal(effects);
    });

  for (const sql of [
    // A table is read for it.
    "SELECT setval('users_id_seq', max(id)) FROM users",
    "SELECT setval('users_id_seq', (SELECT max(id) FROM users))",
    "SELECT setval('users_id_seq', 1) WHERE EXISTS (TABLE users)",
    "SELECT setval('users_id_seq', 1) UNION ALL TABLE users",
    "WITH gone AS (DELETE FROM users) SELECT setval('users_id_seq', 1)",
    "SELECT 1 INTO users_new",
    // Other code runs beside it, or in its place.
    "SELECT setval('users_id_seq', 1), tidy()",
    "SELECT setval('users_id_seq', highest())",
    "SELECT setval('users_id_seq', '1'::counted)",
    "SELECT setval('users_id_seq', 1 OPERATOR(audit.+) 1)",
    "SELECT audit.setval('users_id_seq', 1)",
    "SELECT set_config('theme', 'dark')",
    "SELECT now('x')",
    "SELECT 'a' &&& 'b'",
    "SELECT constructor()",
    "VALUES (setval('users_id_seq', 1))",
    // Afterwards names mean other tables.
    "SELECT set_config('search_path', 'audit', false)",
    "SELECT set_config('Search_' || 'path', 'audit', false)",
  ])
    it(`are not known of ${sql}`, async () => {
      expect(await readEffects([sql])).to.deep.equal([
        [{ on: "", what: "runs select", cost: "unknown", isDestructive: false }],
      ]);
    });

  it("leave a new table what it is", async () => {
    expect(
      await instantEffects(
        "CREATE TABLE t (id serial); SELECT setval('t_id_seq', 1); CREATE INDEX ON t (id)",
      ),
    ).to.deep.equal(["t: new table", "t_id_seq: sets the sequence"]);
  });
});
