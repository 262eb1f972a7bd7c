import { execa } from "execa";
import { expect } from "chai";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bootServer, type DemoServer } from "../../demo/server/index.ts";
import { quoteCommand } from "../../common/quote.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { secondServerOf } from "../support/server-names.ts";
import { chatUrl, clean, operatorOf, servingChat } from "./support/fixture.ts";
import { query, runningSince, shell, webVersion } from "./support/looks.ts";
import { loadNewerPostgres } from "./support/newer-postgres.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const CHATALOT = fileURLToPath(new URL("../../cli/chatalot", import.meta.url));
const GUIDE = new URL("../../docs/guide.md", import.meta.url);
const UPGRADE = new URL("../../docs/upgrade-database.md", import.meta.url);

/** The longest that a page may take. */
const TIMEOUT = 8 * 60_000;

/** What the guide's examples are called here. */
const releases: Record<string, string> = { "v0.22.6": "v1.0.1", "v0.22.7": "v1.1.0" };
const EXAMPLE_BACKUP = "000012-20260301T201500Z";

describe("the guide, as it is written", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  /** The pages' commands by their headings. */
  let pages: Map<string, string>;
  let home: string;
  let backup = "";

  before(async () => {
    pages = pagesOf(await readFile(GUIDE, "utf8"));
    home = await mkdtemp(join(tmpdir(), "chatalot-deploy-guide-"));
    await mkdir(join(home, "bin"));
    // What npm would find in the folder of a stack that has this project installed.
    const npx = `#!/bin/sh\ntest "$1" = chatalot && shift && exec ${quoteCommand([CHATALOT])} "$@"\n`;
    await writeFile(join(home, "bin", "npx"), npx, { mode: 0o755 });
    ({ demo, operator } = await servingChat("v1.0.1"));
  });
  after(() =>
    takeBack(
      () => operator?.leave(),
      () => home && rm(home, { recursive: true, force: true }),
    ),
  );

  /** Types the commands of a page into a terminal, and says yes to what is asked. */
  async function follow(heading: string): Promise<string> {
    const page = pages.get(heading);
    if (page === undefined) throw new Error(`the guide has no page "${heading}"`);
    const script = join(home, "page.sh");
    const text = Object.entries(releases).reduce(
      (commands, [example, release]) => commands.replaceAll(example, release),
      page.replaceAll(EXAMPLE_BACKUP, backup),
    );
    await writeFile(script, `set -eux\n${text}`);
    const terminal = execa("script", ["-qefc", `bash ${quoteCommand([script])}`, "/dev/null"], {
      cwd: operator.folder,
      env: {
        ...operator.surroundings,
        HOME: home,
        PATH: `${join(home, "bin")}:${operator.surroundings["PATH"] ?? process.env.PATH}`,
        PULUMI_SKIP_CONFIRMATIONS: "true",
        SHELL: "/bin/sh",
        TERM: "dumb",
      },
      stdin: "pipe",
      all: true,
      reject: false,
      timeout: TIMEOUT,
    });
    let unread = "";
    terminal.stdout.on("data", (chunk: Buffer) => {
      unread += chunk.toString();
      if (!unread.includes("[y/N]")) return;
      unread = "";
      terminal.stdin.write("y\r");
    });
    const { exitCode, all } = await terminal;
    expect(exitCode, all).to.equal(0);
    return all;
  }

  const say = async (text: string): Promise<void> => {
    expect(await writeMarker(chatUrl(demo), text)).to.equal(true);
  };

  const said = async (): Promise<string> => JSON.stringify(await readMessages(chatUrl(demo)));

  it("has a test for each of its pages", () => {
    expect([...pages.keys()]).to.deep.equal([
      "The update evening",
      "It says REVERTED",
      "It is no good after all",
      "A backup for the drawer",
      "Somebody deleted everything",
      "PostgreSQL is getting old",
      "The laptop is lost, or the passphrase",
      "The server is lost",
      "The chat moves to another server",
    ]);
  });

  it("goes on after an update that was reverted", async () => {
    await operator.configure({ release: "v1.0.2-crashes-after-listening" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("REVERTED");
    const told = await follow("It says REVERTED");
    expect(told).to.contain("REVERTED");
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
  });

  it("brings a release with a migration", async () => {
    await say("before the update");
    expect(await follow("The update evening")).to.contain("DONE");
    expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
    await say("after the update");
  });

  it("goes back to the release of before, with its database", async () => {
    await follow("It is no good after all");
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
    expect(await said())
      .to.contain("before the update")
      .and.not.to.contain("after the update");
  });

  it("takes a backup, proves all, and brings one here", async () => {
    await say("before the backup");
    // Its name is known once it is taken; the page's last command needs it.
    const page = pages.get("A backup for the drawer") ?? "";
    const [taking = "", fetching = ""] = page.split(/(?=npx chatalot backup list)/);
    pages.set("A backup for the drawer", taking);
    await follow("A backup for the drawer");
    const list = await operator.mustChatalot("backup", "list", "--json");
    const found = JSON.parse(list.output) as { name: string; kind: string }[];
    backup = found.find(({ kind }) => kind === "manual")?.name ?? "";
    pages.set("A backup for the drawer", fetching);
    await follow("A backup for the drawer");
    expect(await readFile(join(home, "backups", backup, "manifest.json"), "utf8")).to.contain(
      '"proof"',
    );
  });

  it("puts the backup in the place of what was there", async () => {
    await say("after the backup");
    await follow("Somebody deleted everything");
    expect(await said())
      .to.contain("before the backup")
      .and.not.to.contain("after the backup");
  });

  it("brings the database to a newer PostgreSQL, as the page of that says", async () => {
    await loadNewerPostgres(demo);
    await say("before the upgrade");
    expect(pages.get("PostgreSQL is getting old")).to.contain(
      /```bash\n([^]*?)```/.exec(await readFile(UPGRADE, "utf8"))?.[1] ?? "no commands",
    );
    const told = await follow("PostgreSQL is getting old");
    expect(told.replaceAll(/\s+/g, " ")).to.match(/start about \d+ s: CHAT IS AWAY.*DONE/);
    expect(await query(demo, "SHOW server_version_num")).to.match(/^18/);
    expect(await said()).to.contain("before the upgrade");
  });

  it("takes the server over for who has lost everything, without a restart", async () => {
    const since = await runningSince(demo);
    await operator.leave();
    operator = await operatorOf(demo);
    // What the lost stack had set besides.
    await operator.configure({ "backup.schedule": "*-*-* 03:30 Europe/Berlin" });
    await follow("The laptop is lost, or the passphrase");
    expect(await runningSince(demo)).to.deep.equal(since);
    expect(await said()).to.contain("before the backup");
  });

  it("brings a lost server back from the drawer", async () => {
    await clean(demo);
    await follow("The server is lost");
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
    expect(await said()).to.contain("before the backup");
  });

  it("moves to another server", async () => {
    const name = secondServerOf();
    const next = await bootServer({ name, report: () => undefined });
    try {
      await clean(next);
      const heading = "The chat moves to another server";
      const page = (pages.get(heading) ?? "")
        .replace("root@new.example.org", `${next.user}@${next.host}:${next.port}`)
        .replace(
          /"ssh-ed25519 AAAAC3Nz\.\.\."/,
          `"${next.hostKey}" --identity-file ${next.identityFile}`,
        );
      pages.set(heading, page);
      await follow(heading);
      expect(JSON.stringify(await readMessages(chatUrl(next)))).to.contain("before the backup");
      expect(await shell(demo, "docker ps --all --quiet")).to.equal("");
    } finally {
      await next.destroy();
    }
  });
});

/** The commands of each page that has some, by its heading. */
function pagesOf(markdown: string): Map<string, string> {
  return new Map(
    markdown
      .split(/^## /m)
      .slice(1)
      .flatMap((section): [string, string][] => {
        const heading = section.slice(0, section.indexOf("\n"));
        const blocks = [...section.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, text]) => text);
        return blocks.length === 0 ? [] : [[heading, blocks.join("\n")]];
      }),
  );
}
