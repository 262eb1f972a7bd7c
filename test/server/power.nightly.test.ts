import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DemoServer } from "../../demo/server/index.ts";
import { shell } from "./support/looks.ts";
import { PowerServer } from "./support/power.ts";

const NAME = `${process.env.CHATALOT_DEPLOY_TEST_SERVER ?? "test"}-on-a-disk`;

describe("a server that loses its power", function () {
  this.timeout(600_000);
  let server: PowerServer;
  let demo: DemoServer;

  before(async () => {
    server = await PowerServer.boot(NAME);
    demo = server.demo;
  });
  after(() => server?.destroy());

  it("loses what nobody has flushed, and nothing else", async () => {
    await shell(
      demo,
      `sync; cd /srv; echo kept > flushed; echo lost > unflushed; echo lost > renamed.tmp
       mv renamed.tmp renamed; sync flushed`,
    );
    await server.losePower("proof");
    demo = await server.bootOn("proof", async (pathOf) => {
      expect(await readFile(join(pathOf("srv"), "flushed"), "utf8")).to.equal("kept\n");
      // Their names were written with the journal of the file system, and what is in them was not.
      for (const name of ["unflushed", "renamed"])
        expect(await readFile(join(pathOf("srv"), name), "utf8")).to.equal("");
    });
    expect(await shell(demo, "cat /srv/flushed")).to.equal("kept");
  });
});
