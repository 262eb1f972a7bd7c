import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import { chatUrl, clean, DIRECTORY, operatorOf, servingChat } from "./support/fixture.ts";
import { healthOf, ledgerOf, query, runningSince, shell, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

const BACKUPS = `${DIRECTORY}/backups`;

/** A file that somebody posted. */
interface Upload {
  id: string;
  content: string;
}

describe("npx chatalot restore", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  let volume: string;
  /** What was said and posted before the backup that is restored. */
  const uploads: Upload[] = [];
  /** The names of the backups by hand, in order. */
  let first = "";
  let second = "";
  /** Where the second one was fetched to. */
  let fetched = "";
  let keys = "";

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    url = chatUrl(demo);
    volume = await shell(
      demo,
      "docker volume inspect --format '{{.Mountpoint}}' chatalot_file_storage",
    );
    const owner = await fetch(`${url}/api/register`, {
      method: "POST",
      body: JSON.stringify({ username: "owner", password: "a password of the owner" }),
    });
    expect(owner.status).to.equal(201);
    keys = await shell(demo, `sha256sum ${DIRECTORY}/.deploy/secrets.json`);
  });
  after(() => operator?.leave());

  it("begins with a backup that has uploads, configuration and keys", async () => {
    expect(await writeMarker(url, "before the first backup")).to.equal(true);
    uploads.push(await post("the first upload"));
    first = await take();
    const folder = `${BACKUPS}/${first}`;
    expect(await shell(demo, `cat ${folder}/uploads/${uploads[0]?.id}`)).to.equal(
      "the first upload",
    );
    expect(await shell(demo, `ls -A ${folder}/configuration`)).to.contain(".env");
    expect(await shell(demo, `find ${folder} -perm /077`)).to.equal("");
    const { output } = await operator.mustChatalot("backup", "list");
    expect(output).to.match(new RegExp(`${first} .* [0-9]+ of 0\\.0 MB `));
  });

  it("copies only the uploads that are new since", async () => {
    expect(await writeMarker(url, "before the second backup")).to.equal(true);
    uploads.push(await post("the second upload"));
    second = await take();
    const inodes = async (upload: Upload | undefined): Promise<string[]> =>
      (
        await shell(
          demo,
          `stat --format %i "$1/$3" "$2/$3" ${volume}/${upload?.id ?? ""} 2>/dev/null || true`,
          ...[`${BACKUPS}/${first}/uploads`, `${BACKUPS}/${second}/uploads`, upload?.id ?? ""],
        )
      ).split("\n");
    const [inFirst, inSecond, live] = await inodes(uploads[0]);
    expect(inSecond).to.equal(inFirst);
    expect(live).to.not.equal(inFirst);
    expect(await inodes(uploads[1])).to.have.length(2);
  });

  it("is fetched whole, and found to be damaged where a single upload is", async () => {
    const to = join(operator.folder, "fetched");
    await operator.mustChatalot("backup", "fetch", second, "--to", to);
    fetched = join(to, second);
    for (const { id, content } of uploads)
      expect(await readFile(join(fetched, "uploads", id), "utf8")).to.equal(content);
    const file = `${BACKUPS}/${second}/uploads/${uploads[1]?.id}`;
    await shell(demo, `cp -p ${file} /root/good && printf X | dd of=${file} conv=notrunc 2>&1`);
    const { exitCode, output } = await operator.chatalot("backup", "check", second);
    expect(exitCode, output).to.equal(1);
    expect(output).to.contain(`uploads/${uploads[1]?.id}\\" has the SHA-256`.replace("\\", ""));
    const refused = await operator.chatalot("restore", second, "--yes");
    expect(refused.exitCode, refused.output).to.equal(1);
    expect(refused.output).to.contain("it is damaged, found");
    await shell(demo, `cat /root/good > ${file}; rm /root/good`);
    await operator.mustChatalot("backup", "check", second);
  });

  it("refuses what is not whole, not of this instance, or no backup, and changes nothing", async () => {
    const served = await runningSince(demo);
    const stack = await operator.must("config");
    const bytes = await readFile(join(fetched, "database.dump"));
    const manifest = await readFile(join(fetched, "manifest.json"), "utf8");
    const cases: [string, string, string | Buffer][] = [
      ["its dump has the SHA-256", "database.dump", bytes.subarray(0, -1)],
      ["its dump has the SHA-256", "database.dump", "CREATE TABLE plain_sql ();"],
      ["has the SHA-256", `uploads/${uploads[0]?.id}`, "the other upload"],
      ["its list of files has the SHA-256", "files.json", "[]"],
      ["its manifest.json is wrong at", "manifest.json", manifest.replace(/"commit": "/, "$&../")],
      [
        "the backup is of instance",
        "manifest.json",
        manifest.replace(/"instanceId": "[0-9a-f]+"/, '"instanceId": "0123456789abcdef"'),
      ],
    ];
    for (const [cause, name, content] of cases) {
      const path = join(fetched, name);
      const original = await readFile(path);
      await writeFile(path, content);
      const { exitCode, output } = await operator.chatalot("restore", "--from", fetched, "--yes");
      await writeFile(path, original);
      expect(exitCode, output).to.equal(1);
      expect(output.replaceAll(/\s+/g, " "))
        .to.contain(cause)
        .and.to.contain("Nothing was changed");
    }
    const other = join(fetched, "..", "mine");
    await rename(fetched, other);
    const named = await operator.chatalot("restore", "--from", other, "--yes");
    await rename(other, fetched);
    expect(named.output).to.contain("must have the name that it has on the server");
    const unknown = await operator.chatalot("restore", "000099-20260301T201500Z", "--yes");
    expect(unknown.output).to.contain("There is no backup");
    const unasked = await operator.chatalot("restore", second);
    expect(unasked.output).to.contain('Add "--yes"');
    expect(await runningSince(demo)).to.deep.equal(served);
    expect((await operator.must("config")).output).to.equal(stack.output);
  });

  it("puts everything back in its place, with the same release, and loses nothing", async () => {
    expect(await writeMarker(url, "after the second backup")).to.equal(true);
    const newer = await post("the third upload");
    const [gone, changed] = uploads;
    await shell(demo, `rm ${volume}/${gone?.id}; echo changed > ${volume}/${changed?.id}`);

    const { exitCode, output } = await operator.chatalot("restore", second, "--yes");

    expect(exitCode, output).to.equal(0);
    expect(output)
      .to.match(/RESTORE +\S+ of v1\.0\.0/)
      .and.to.match(/DONE v1\.0\.0 \([0-9a-f]{7}\) is serving/);
    expect(await readMessages(url)).to.deep.equal(said());
    await expectUploads();
    const { sequence } = (await ledgerOf(demo)).at(-1) ?? {};
    const left = await query(
      demo,
      "SELECT datname FROM pg_database WHERE datname LIKE 'chatalot_left_%'",
    );
    expect(left).to.deep.equal([`chatalot_left_${sequence}`]);
    const aside = await shell(demo, `cd ${DIRECTORY}/set-aside && grep -r . .`);
    expect(aside).to.contain("the third upload").and.to.contain("changed");
    expect(aside).to.contain(newer.id).and.not.to.contain("the first upload");
    await expectNothingToDo();
  });

  atNight(
    "brings back a server that is lost with its disk, for the operator who has the stack",
    async () => {
      await clean(demo);

      const { exitCode, output } = await operator.chatalot("restore", "--from", fetched, "--yes");

      expect(exitCode, output).to.equal(0);
      await expectWhole();
      const [job] = (await ledgerOf(demo)).filter(({ kind }) => kind === "switch");
      expect(job?.sequence).to.be.greaterThan(parseInt(second, 10));
      await expectNothingToDo();
      await take();
    },
  );

  it("brings it back for an operator who has lost state, passphrase and stack as well", async () => {
    await clean(demo);
    const stranger = await operatorOf(demo);
    try {
      // Guarded, were it a new chat: but it has an owner.
      await stranger.must("config", "rm", "--path", "listen.beforeOwner");
      await stranger.configure({ release: "v1.2.0" });
      const { exitCode, output } = await stranger.chatalot("restore", "--from", fetched, "--yes");
      expect(exitCode, output).to.equal(0);
      expect((await stranger.must("config", "get", "release")).output).to.contain("v1.0.0@");
      await expectWhole();
      const run = await stranger.up("--skip-preview", "--expect-no-changes");
      expect(run.exitCode, run.output).to.equal(0);
      // What was restored is updated as any other.
      await stranger.configure({ release: "v1.1.0" });
      await stranger.must("up", "--yes", "--non-interactive", "--skip-preview");
      expect(await webVersion(url)).to.equal("1.1.0");
      expect(await readMessages(url)).to.deep.equal(said());
    } finally {
      await stranger.leave();
    }
  });

  function said(): string[] {
    return ["before the first backup", "before the second backup"];
  }

  async function expectWhole(): Promise<void> {
    expect(await healthOf(url)).to.include({ status: "ok", db_healthy: true });
    expect(await webVersion(url)).to.equal("1.0.0");
    expect(await readMessages(url)).to.deep.equal(said());
    await expectUploads();
    expect(await shell(demo, `sha256sum ${DIRECTORY}/.deploy/secrets.json`)).to.equal(keys);
    // The server can take new ones: the volume belongs to it.
    await post("after the restore");
  }

  async function expectUploads(): Promise<void> {
    for (const { id, content } of uploads) {
      const response = await fetch(`${url}/api/files/${id}`);
      expect(response.status, id).to.equal(200);
      expect(await response.text()).to.equal(content);
    }
    const names = await shell(demo, `ls -A ${volume}`);
    expect(names).to.not.contain(".restored-");
  }

  async function expectNothingToDo(): Promise<void> {
    const run = await operator.up("--skip-preview", "--expect-no-changes");
    expect(run.exitCode, run.output).to.equal(0);
  }

  async function post(content: string): Promise<Upload> {
    const response = await fetch(`${url}/api/files?name=file.txt`, {
      method: "POST",
      body: content,
    });
    expect(response.status).to.equal(201);
    const { id } = (await response.json()) as { id: string };
    return { id, content };
  }

  /** Takes a backup by hand and gives its name. */
  async function take(): Promise<string> {
    await operator.mustChatalot("backup", "take");
    return (await shell(demo, `ls ${BACKUPS}`)).split("\n").at(-1) ?? "";
  }
});
