import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { startProber } from "../support/prober.ts";
import { chatUrl, DIRECTORY, servingChat } from "./support/fixture.ts";
import { holdJobsAt, jobAt, jobsAreClosed, killJob, letJobsRun } from "./support/job-control.ts";
import {
  DATABASE,
  ledgerOf,
  numberOfJobs,
  query,
  runningSince,
  SERVER,
  shell,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const BACKUPS = `${DIRECTORY}/backups`;

/** What the tests put away on the server, which outlives them. */
const ASIDE = "/root/aside";

/** What the tests read of `backup list --json`. */
interface Entry {
  name: string;
  kind: string;
  release: { name: string };
  size: number;
  sha256: string;
  takenAt: string;
  provenAt?: string;
  damage?: { what: string };
}

describe("npx chatalot backup", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let served: Record<string, string>;
  /** The names of the backups that the tests make, in order: of the update, and by hand. */
  let ofUpdate = "";
  let byHand = "";
  let unattended = "";

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    await shell(demo, `rm -rf ${ASIDE}; mkdir ${ASIDE}`);
    await operator.configure({ release: "v1.1.0" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    served = await runningSince(demo);
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => demo && shell(demo, `rm -rf ${ASIDE}`),
      () => operator?.leave(),
    ),
  );

  it("lists what an update took: when, of which release, how large, proven when", async () => {
    ofUpdate = (await foldersOnServer())[0] ?? "";
    const entries = await list();
    expect(entries).to.have.length(1);
    const [entry] = entries;
    expect(entry).to.deep.include({ name: ofUpdate, kind: "update", ...(await dumpOf(ofUpdate)) });
    expect(entry?.release.name).to.equal("v1.0.0");
    const proven = Date.parse(entry?.provenAt ?? "");
    expect(proven).to.be.greaterThan(Date.parse(entry?.takenAt ?? ""));

    const { exitCode, output } = await operator.chatalot("backup", "list");
    expect(exitCode, output).to.equal(0);
    expect(output)
      .to.match(/NAME +TAKEN +KIND +RELEASE +SIZE +FILES +PROVEN\n/)
      .and.to.contain(ofUpdate)
      .and.to.match(
        /before an update +v1\.0\.0 \([0-9a-f]{7}\) +\d\.\d MB +none +\d{4}-\d\d-\d\d \d\d:\d\d/,
      );
  });

  it("takes one now, with every message so far, and nobody notices", async () => {
    const prober = startProber({ baseUrl: chatUrl(demo) });
    while (prober.snapshot().acknowledgedMarkers.length < 2)
      await new Promise((resolve) => setTimeout(resolve, 100));
    const before = [...prober.snapshot().acknowledgedMarkers];

    const { exitCode, output } = await operator.chatalot("backup", "take");
    const seen = await prober.stop();

    expect(exitCode, output).to.equal(0);
    byHand = (await foldersOnServer())[1] ?? "";
    expect(output).to.contain(`TAKEN Backup ${byHand}, `);
    expect(seen.failedRequests).to.equal(0);
    expect(seen.gaps).to.deep.equal([]);
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(await messagesIn(byHand)).to.include.members(before);
    expect(
      await shell(demo, `find ${BACKUPS}/${byHand} -printf '%y %m\\n' | sort --unique`),
    ).to.equal("d 700\nf 600");

    const [newest] = await list();
    expect(newest).to.deep.include({ name: byHand, kind: "manual", ...(await dumpOf(byHand)) });
    expect(newest?.release.name).to.equal("v1.1.0");
    expect(newest?.provenAt).to.not.equal(undefined);
    const record = (await ledgerOf(demo)).at(-1);
    expect(record).to.include({ kind: "backup", outcome: "done" });
    expect(record).to.deep.nested.include({ "backup.name": byHand, "backup.proof": "restored" });
    await expectNothingLeft();
  });

  it("is no update: it is not in the history, and there is nothing to deploy after it", async () => {
    const { output } = await operator.chatalot("history", "--json");
    const jobs = (JSON.parse(output) as { job?: number }[]).map(({ job }) => job);
    const updates = (await ledgerOf(demo)).filter(({ kind }) => kind === "switch");
    expect(jobs).to.have.members(updates.map(({ sequence }) => sequence));
    const run = await operator.up("--skip-preview", "--expect-no-changes");
    expect(run.exitCode, run.output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(served);
  });

  it("goes on without its operator, and lets nothing else begin meanwhile", async () => {
    await holdJobsAt(demo, "J5");
    const take = operator.startChatalot("backup", "take");
    await jobAt(demo, "J5");
    const jobs = await numberOfJobs(demo);
    for (const args of [
      ["check", "--all"],
      ["remove", ofUpdate, "--yes"],
    ]) {
      const { exitCode, output } = await operator.chatalot("backup", ...args);
      expect(exitCode, output).to.equal(1);
      expect(output).to.match(/Another job is under way: number \d+ \(backup\) of \S+@\S+, since /);
    }
    await operator.configure({ release: "v1.3.0" });
    const update = await operator.up("--skip-preview");
    expect(update.exitCode, update.output).to.not.equal(0);
    expect(update.output).to.contain("Another job is under way");
    await operator.configure({ release: "v1.1.0" });
    const again = operator.startChatalot("backup", "take");
    await new Promise<void>((resolve, reject) => {
      let said = "";
      again.all.on("data", (text: Buffer) => {
        said += String(text);
        if (said.includes("which does the same and is under way")) resolve();
      });
      void again.then(() => reject(new Error(`the backup was not followed:\n${said}`)));
    });
    // From here on nobody follows it, and it is killed once more.
    for (const client of [take, again]) client.kill("SIGKILL");
    await Promise.all([take, again]);
    await letJobsRun(demo);
    await killJob(demo);
    await jobsAreClosed(demo);

    unattended = (await foldersOnServer())[2] ?? "";
    expect(await numberOfJobs(demo)).to.equal(jobs);
    expect(await foldersOnServer()).to.deep.equal([ofUpdate, byHand, unattended]);
    expect((await list())[0]).to.have.property("provenAt");
    expect(await runningSince(demo)).to.deep.equal(served);
    await expectNothingLeft();
  });

  it("finds a dump that is cut and one with a changed byte, and proves the others", async () => {
    const before = new Map((await list()).map((entry) => [entry.name, entry.provenAt]));
    await shell(demo, `cp -a ${BACKUPS} ${ASIDE}/whole`);
    await shell(demo, `truncate --size=-100 ${BACKUPS}/${ofUpdate}/database.dump`);
    await shell(
      demo,
      `printf X | dd of=${BACKUPS}/${byHand}/database.dump bs=1 seek=4000 conv=notrunc status=none`,
    );
    const [cut, changed] = [await dumpOf(ofUpdate), await dumpOf(byHand)];

    const { exitCode, output } = await operator.chatalot("backup", "check", "--all");

    expect(exitCode, output).to.equal(1);
    expect(output)
      .to.contain("FAILED 2 of 3 backups are not good")
      .and.to.contain(
        `${ofUpdate}: its dump has ${cut.size} bytes, and ${cut.size + 100} were written`,
      )
      .and.to.contain(`${byHand}: its dump has the SHA-256 ${changed.sha256}, and `);
    const after = new Map((await list()).map((entry) => [entry.name, entry]));
    for (const name of [ofUpdate, byHand]) {
      expect(after.get(name)).to.not.have.property("provenAt");
      expect(after.get(name)?.damage?.what).to.match(/^its dump has /);
    }
    const proven = Date.parse(after.get(unattended)?.provenAt ?? "");
    expect(proven).to.be.greaterThan(Date.parse(before.get(unattended) ?? ""));
    expect((await operator.chatalot("backup", "list")).output).to.match(
      /DAMAGED, found .*: its dump/,
    );
    expect(await runningSince(demo)).to.deep.equal(served);
    await expectNothingLeft();
  });

  it("finds a dump that does not hold what its manifest says, though its bytes are as noted", async () => {
    const manifest = `${BACKUPS}/${unattended}/manifest.json`;
    const was = await shell(demo, `cat ${manifest}`);
    const { dump } = JSON.parse(was) as { dump: { content: { rows: Record<string, number> } } };
    const rows = dump.content.rows["public.messages"] ?? 0;
    await shell(
      demo,
      `sed -i 's/"public.messages": ${rows}/"public.messages": ${rows + 1}/' ${manifest}`,
    );
    const { exitCode, output } = await operator.chatalot("backup", "check", unattended);
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain(`table public.messages has ${rows} rows, not ${rows + 1}`);
    await shell(demo, `printf '%s\\n' "$1" > ${manifest}`, was);
    await expectNothingLeft();
  });

  it("never removes the last proven one, asks before it removes another, and knows no paths", async () => {
    const refusals: [string[], string][] = [
      [[unattended, "--yes"], "it is the only one that is known to restore"],
      [[ofUpdate], 'there is no terminal to ask in. Add "--yes"'],
      [["../.deploy", "--yes"], "is not the name of a backup"],
      [["000001-20200101T000000Z", "--yes"], "There is no backup"],
    ];
    await shell(
      demo,
      `mkdir ${ASIDE}/other; ln -s ${ASIDE}/other ${BACKUPS}/000001-20200101T000000Z`,
    );
    for (const [args, reason] of refusals) {
      const { exitCode, output } = await operator.chatalot("backup", "remove", ...args);
      expect(exitCode, output).to.equal(1);
      expect(output).to.contain(reason);
    }
    expect(await shell(demo, `ls ${ASIDE}`)).to.equal("other\nwhole");
    await shell(demo, `rm ${BACKUPS}/000001-20200101T000000Z`);
    expect(await foldersOnServer()).to.deep.equal([ofUpdate, byHand, unattended]);

    const { exitCode, output } = await operator.chatalot("backup", "remove", byHand, "--yes");

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain(`REMOVED Backup ${byHand}`);
    expect(await foldersOnServer()).to.deep.equal([ofUpdate, unattended]);
    await expectNothingLeft();
  });

  it("proves a dump again that was put right", async () => {
    await shell(
      demo,
      `cp -a ${ASIDE}/whole/${ofUpdate}/database.dump ${BACKUPS}/${ofUpdate}/database.dump`,
    );
    const { exitCode, output } = await operator.chatalot("backup", "check", ofUpdate);
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain(`CHECKED 1 backup was restored and compared`);
    const entry = (await list()).find(({ name }) => name === ofUpdate);
    expect(entry).to.have.property("provenAt");
    expect(entry).to.not.have.property("damage");
  });

  it("fetches one as it was written, for its owner alone, and never over anything", async () => {
    const to = join(operator.folder, "brought");
    const { exitCode, output } = await operator.chatalot("backup", "fetch", unattended, "--to", to);
    expect(exitCode, output).to.equal(0);
    expect(output).to.contain(`FETCHED ${join(to, unattended)}`);
    const folder = join(to, unattended);
    expect((await readdir(folder)).sort()).to.deep.equal([
      ...["configuration", "database.dump", "files.json", "manifest.json", "uploads"],
    ]);
    const dump = await readFile(join(folder, "database.dump"));
    const sha256 = createHash("sha256").update(dump).digest("hex");
    expect({ sha256, size: dump.length }).to.deep.equal(await dumpOf(unattended));
    for (const name of await readdir(folder, { recursive: true })) {
      const { mode } = await stat(join(folder, name));
      expect(mode & 0o077, name).to.equal(0);
    }
    const manifest = await readFile(join(folder, "manifest.json"), "utf8");
    expect(manifest.trim()).to.equal(
      await shell(demo, `cat ${BACKUPS}/${unattended}/manifest.json`),
    );

    const again = await operator.chatalot("backup", "fetch", unattended, "--to", to);
    expect(again.exitCode, again.output).to.equal(1);
    expect(again.output).to.contain("is there already, and is never written over");
    expect(await readdir(to)).to.deep.equal([unattended]);
  });

  it("keeps nothing of a dump that arrives otherwise than it was written", async () => {
    await shell(
      demo,
      `printf XXXXXXXX | dd of=${BACKUPS}/${ofUpdate}/database.dump bs=1 seek=4000 conv=notrunc status=none`,
    );
    const to = join(operator.folder, "damaged");
    const { exitCode, output } = await operator.chatalot("backup", "fetch", ofUpdate, "--to", to);
    expect(exitCode, output).to.equal(1);
    expect(output)
      .to.contain(`The backup ${ofUpdate} was not fetched`)
      .and.to.contain(`npx chatalot backup check ${ofUpdate}`);
    expect(await readdir(to)).to.deep.equal([]);
  });

  async function list(): Promise<Entry[]> {
    const { exitCode, output } = await operator.chatalot("backup", "list", "--json");
    expect(exitCode, output).to.equal(0);
    return JSON.parse(output) as Entry[];
  }

  async function foldersOnServer(): Promise<string[]> {
    return (await shell(demo, `ls -A ${BACKUPS}`)).split("\n");
  }

  /** What is on the server's disk now. */
  async function dumpOf(name: string): Promise<{ sha256: string; size: number }> {
    const file = `${BACKUPS}/${name}/database.dump`;
    const said = await shell(demo, 'sha256sum < "$1"; stat --format %s "$1"', file);
    const [sum = "", size] = said.split("\n");
    return { sha256: sum.split(" ")[0] ?? "", size: Number(size) };
  }

  /** The messages in a dump, by PostgreSQL's own programs and nothing of ours. */
  async function messagesIn(name: string): Promise<string[]> {
    await query(demo, "CREATE DATABASE looked_into");
    await shell(
      demo,
      `docker exec -i ${DATABASE} pg_restore -U chatalot -d looked_into < ${BACKUPS}/${name}/database.dump`,
    );
    const sql = "SELECT text FROM messages";
    const text = await shell(
      demo,
      `docker exec ${DATABASE} psql -U chatalot -d looked_into -Atc '${sql}'`,
    );
    await query(demo, "DROP DATABASE looked_into");
    return text.split("\n");
  }

  async function expectNothingLeft(): Promise<void> {
    expect(await shell(demo, `find ${DIRECTORY} -name '*.partial'`)).to.equal("");
    const containers = await shell(demo, "docker ps --all --format '{{.Names}}' | sort");
    expect(containers.split("\n")).to.deep.equal([DATABASE, SERVER]);
  }
});
