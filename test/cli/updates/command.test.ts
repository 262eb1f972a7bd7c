import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { expect } from "chai";
import { registerUpdates } from "../../../cli/updates/command.ts";
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import { FakeServer } from "../../provider/support/fake-server.ts";
import { servingState } from "../../provider/support/samples.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const [OLD, NEW] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];
const IMAGE = {
  ...{ service: "postgres", image: "postgres:17", runs: OLD },
  ...{ isNewer: true, isSettable: true, newest: { digest: NEW } },
};

describe("chatalot updates --pin --side-images", () => {
  const openTransport = RemoteServer.openTransport;
  const { log, error } = console;
  const pulumi = new FakePulumi();
  let server: FakeServer;

  beforeEach(async () => {
    await pulumi.arrive();
    await pulumi.configuredAs({ release: "v1.0.0", server: { host: "chat.example.org" } });
    server = new FakeServer();
    server.state = servingState();
    server.sideImages = [IMAGE];
    await server.arrive();
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  /** What it prints for other programs, and how it ends. */
  async function pinned(...flags: string[]): Promise<{ output: string; exitCode: unknown }> {
    const lines: string[] = [];
    const before = process.exitCode;
    console.log = (text: string) => void lines.push(text);
    console.error = () => undefined;
    try {
      const program = new Command().option("--stack <name>");
      registerUpdates(program);
      const argv = ["updates", "--pin", "--side-images", ...flags];
      await program.parseAsync(argv, { from: "user" });
      return { output: lines.join("\n"), exitCode: process.exitCode };
    } finally {
      process.exitCode = before;
      Object.assign(console, { log, error });
    }
  }

  it("prints JSON and nothing else where a program reads it, and pins", async () => {
    const { output } = await pinned("--json");
    expect(JSON.parse(output)).to.deep.equal({
      ...{ sideImages: [IMAGE], pins: { postgres: `postgres:17@${NEW}` } },
    });
    expect(await readFile(pulumi.stackFile, "utf8")).to.contain(`postgres: postgres:17@${NEW}`);
  });

  it("prints a line for each where it is checked, and ends with 3 where none is newer", async () => {
    expect((await pinned("--check")).output).to.equal(
      "postgres postgres:17 aaaaaaaaaaaa -> bbbbbbbbbbbb",
    );
    server.sideImages = [{ ...IMAGE, isNewer: false }];
    await server.nextRun();
    expect(await pinned("--check")).to.deep.equal({
      ...{ output: "No image beside the server's own is newer.", exitCode: 3 },
    });
  });

  it("shows a table to people", async () => {
    expect((await pinned()).output).to.match(/SERVICE +IMAGE +RUNS +NEWEST/);
  });
});
