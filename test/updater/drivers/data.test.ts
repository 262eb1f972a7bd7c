import { copyText } from "../../../updater/drivers/compose/data/undo.ts";
import { expect } from "chai";
import { differences } from "../../../updater/drivers/compose/data/content.ts";
import { suspicious } from "../../../updater/drivers/compose/data/dump.ts";
import { isUnfinished } from "../../../updater/drivers/compose/docker.ts";
import { networksOf } from "../../../updater/drivers/compose/server-networks.ts";
import { applied } from "../samples.ts";

describe("what pg_dump says", () => {
  it("is harmless where it concerns indexes, which a restore builds anew", () => {
    const words = [
      'WARNING:  database "chatalot" has a collation version mismatch',
      "DETAIL:  The database was created using collation version 2.36, but the operating system provides version 2.41.",
      "HINT:  Rebuild all objects in this database that use the default collation and run ALTER DATABASE chatalot REFRESH COLLATION VERSION.",
      "pg_dump: warning: there are circular foreign-key constraints on this table:",
      "pg_dump: detail: messages",
      "pg_dump: hint: You might not be able to restore the dump without using --disable-triggers",
    ].join("\n");
    expect(suspicious(words)).to.equal("");
  });

  it("counts as a failure where it is anything else", () => {
    for (const words of [
      "pg_dump: warning: could not find operator with OID 1",
      "pg_dump: error: query failed: ERROR:  invalid page in block 3",
      "pg_dump: warning: typcache lookup failed",
    ])
      expect(suspicious(`\n${words}\n`)).to.equal(words);
  });
});

describe("a restored dump", () => {
  const content = { applied: applied(1, 2), rows: { "public.messages": 3, "public.users": 1 } };

  it("is what was dumped when tables, rows and migrations are the same", () => {
    expect(differences(content, structuredClone(content))).to.deep.equal([]);
  });

  it("is told apart by every row, table and migration", () => {
    const found = { applied: applied(1), rows: { "public.messages": 2, "public.more": 0 } };
    expect(differences(content, found)).to.have.members([
      "table public.messages has 2 rows, not 3",
      "table public.users is missing",
      "table public.more should not be there",
      "its list of applied migrations is another one",
    ]);
  });
});

describe("a container that Compose did not finish", () => {
  it("is one that was never started under a name of its own", () => {
    expect(isUnfinished({ name: "0123456789ab_chatalot-server", state: "created" })).to.equal(true);
    expect(isUnfinished({ name: "0123456789ab_chatalot-server", state: "running" })).to.equal(
      false,
    );
    expect(isUnfinished({ name: "chatalot-server", state: "created" })).to.equal(false);
  });
});

describe("the server's networks", () => {
  it("are those of its definition by their real names, with all its names in them", () => {
    const file = {
      services: {
        chatalot: {
          container_name: "chatalot-server",
          networks: { external: null, proxy: { aliases: ["chat"] } },
        },
      },
      networks: { external: { name: "chatalot_external" }, proxy: { name: "traefik" } },
    };
    const plain = { linkLocal: [], options: {} };
    expect(networksOf(file)).to.deep.equal([
      { name: "chatalot_external", aliases: ["chatalot-server", "chatalot"], ...plain },
      { name: "traefik", aliases: ["chatalot-server", "chatalot", "chat"], ...plain },
    ]);
  });
});

describe("copyText", () => {
  it("keeps a script on one line, whatever is in it", () => {
    const sql = "SELECT '\\.';\n\\.\n\\! rm\tx\r\n";
    const text = copyText(sql);
    expect(text).to.equal("SELECT '\\\\.';\\n\\\\.\\n\\\\! rm\\tx\\r\\n");
    expect(text).not.to.match(/[\n\r\t]/);
  });
});
