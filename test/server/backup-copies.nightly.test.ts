import { expect } from "chai";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { execa } from "execa";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DemoServer } from "../../demo/server/index.ts";
import { routineUnit } from "../../updater/schedule/units.ts";
import { readMessages, writeMarker } from "../support/prober.ts";
import { chatUrl, clean, DIRECTORY, operatorOf, servingChat } from "./support/fixture.ts";
import { shell } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const BACKUP = routineUnit("backup", DIRECTORY);

/** Comes when no test waits for it: the tests start what the clock would. */
const YEARLY = "*-01-01 03:30 Europe/Berlin";

const PLACE = "/mnt/other-disk";

describe("copies of backups at another place", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let instance: string;
  let picture = "";
  /** A folder of this machine: the disk that somebody carries, and what is opened of it. */
  let usb = "";
  let keyFile = "";
  let opened = "";

  before(async () => {
    usb = await mkdtemp(join(tmpdir(), "chatalot-deploy-usb-"));
    [keyFile, opened] = [join(usb, "key.txt"), join(usb, "opened")];
    ({ demo, operator } = await servingChat("v1.0.0"));
    await shell(
      demo,
      `umount ${PLACE} 2>/dev/null || true; rm -rf ${PLACE}; mkdir -m 700 ${PLACE}`,
    );
    instance = String((await operator.outputs())["instance"]);
  });
  after(() =>
    takeBack(
      () => demo && shell(demo, `umount ${PLACE} 2>/dev/null || true; rm -rf ${PLACE}`),
      () => operator?.leave(),
      () => usb && rm(usb, { recursive: true, force: true }),
    ),
  );

  const mount = (): Promise<string> =>
    shell(demo, `mount -t tmpfs -o mode=700,size=512m tmpfs ${PLACE}`);

  const up = (): Promise<unknown> =>
    operator.must("up", "--yes", "--non-interactive", "--skip-preview");

  /** Does what the timer would, and says how systemd saw its end. */
  const backUp = (): Promise<string> =>
    shell(
      demo,
      `systemctl start "$1" 2>/dev/null || true; systemctl show --property=Result --value "$1"`,
      `${BACKUP}.service`,
    );

  const copies = async (): Promise<string[]> =>
    (await shell(demo, `ls ${PLACE}/${instance} 2>/dev/null || true`))
      .split("\n")
      .filter((name) => name !== "");

  const upload = async (content: string): Promise<string> => {
    const answer = await fetch(`${chatUrl(demo)}/api/files?name=file.txt`, {
      method: "POST",
      body: content,
    });
    expect(answer.status).to.equal(201);
    return ((await answer.json()) as { id: string }).id;
  };

  it("on the server's own disk are refused, as where nothing is mounted", async () => {
    await operator.configure({ "backup.schedule": YEARLY, "backup.copyTo": PLACE });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode).not.to.equal(0);
    expect(output).to.contain(`${PLACE} is on the same disk as ${DIRECTORY}`);
  });

  it("in a folder that others can write to are refused", async () => {
    await mount();
    await shell(demo, `chmod 777 ${PLACE}`);
    const { exitCode, output } = await operator.up("--skip-preview");
    await shell(demo, `chmod 700 ${PLACE}`);
    expect(exitCode).not.to.equal(0);
    expect(output).to.contain("can be written to by others than root");
  });

  it("are made after each backup by the clock, whole, and share what did not change", async () => {
    await up();
    expect(await writeMarker(chatUrl(demo), "before the first copy")).to.equal(true);
    picture = await upload("a picture");
    expect(await backUp()).to.equal("success");
    expect(await backUp()).to.equal("success");
    const [first, second, ...others] = await copies();
    expect(others).to.deep.equal([]);
    const inodes = await shell(
      demo,
      `cd ${PLACE}/${instance}; stat --format %i "$1/uploads/$3" "$2/uploads/$3"`,
      ...[first ?? "", second ?? "", picture],
    );
    expect(new Set(inodes.split("\n")).size).to.equal(1);
    const same = `cd ${PLACE}/${instance}/$1; find . -type f ! -name manifest.json | while read -r file; do
      cmp "$file" "${DIRECTORY}/backups/$1/$file"; done; find . -perm /077`;
    expect(await shell(demo, same, second ?? "")).to.equal("");
    const status = await operator.mustChatalot("status");
    expect(status.output).to.contain(`2 copies in ${PLACE}, last made`);
    expect((await operator.preview("--expect-no-changes")).exitCode).to.equal(0);
  });

  it("stay in the number that was set, and are made by hand as well", async () => {
    await operator.configure({ "backup.keepScheduled": 1 });
    await up();
    await operator.mustChatalot("backup", "take");
    const { output } = await operator.mustChatalot("backup", "copy");
    expect(output).to.match(/COPIED 0000\d\d-\S+ to \/mnt\/other-disk, which has 2 now/);
    expect((await operator.mustChatalot("backup", "copy")).output).to.contain("Nothing to copy");
    expect(await copies()).to.have.length(2);
  });

  it("that can't be made are told, while the backup itself is there", async () => {
    await shell(demo, `umount ${PLACE}`);
    expect(await backUp()).to.equal("success");
    const { exitCode, output } = await operator.chatalot("status", "--check");
    expect(exitCode).to.equal(1);
    expect(output).to.contain(`the backups were not copied to ${PLACE}`);
    expect(await shell(demo, `ls -A ${PLACE}`)).to.equal("");
    expect((await operator.chatalot("backup", "copy")).output).to.contain("is on the same disk");
    await mount();
    await operator.mustChatalot("backup", "copy");
    expect((await operator.chatalot("status", "--check")).exitCode).to.equal(0);
  });

  it("that are encrypted bring a lost server back to who has the key, and to nobody else", async () => {
    const key = await generateX25519Identity();
    await writeFile(keyFile, `${key}\n`, { mode: 0o600 });
    await operator.configure({ "backup.encryptTo[0]": await identityToRecipient(key) });
    await up();
    expect(await writeMarker(chatUrl(demo), "before the encrypted copy")).to.equal(true);
    await operator.mustChatalot("backup", "take");
    await operator.mustChatalot("backup", "copy");
    const name = (await copies()).at(-1) ?? "";
    const plain = `find ${PLACE}/${instance}/${name} -type f ! -name '*.age' -printf '%f\\n' | sort`;
    expect(await shell(demo, plain)).to.equal("files.json\nmanifest.json");
    const password = `sed 's/.*"databasePassword":"\\([^"]*\\)".*/\\1/' ${DIRECTORY}/.deploy/secrets.json`;
    const found = `grep -rlF -- "$(${password})" ${PLACE}/${instance}/${name} || true`;
    expect(await shell(demo, found)).to.equal("");

    const copy = join(usb, name);
    await mkdir(copy);
    const packed = await shell(
      demo,
      'tar -C "$1" -c . | base64 -w 0',
      `${PLACE}/${instance}/${name}`,
    );
    await execa("tar", ["-x", "-C", copy], { input: Buffer.from(packed, "base64") });
    const refused = await operator.chatalot("restore", "--from", copy, "--yes");
    expect(refused.output).to.contain("npx chatalot backup decrypt");

    await clean(demo);
    await operator.leave();
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0" });
    await operator.mustChatalot("backup", "decrypt", copy, "--identity", keyFile, "--to", opened);
    await operator.mustChatalot("restore", "--from", join(opened, name), "--yes");
    const messages = await readMessages(chatUrl(demo));
    for (const said of ["before the first copy", "before the encrypted copy"])
      expect(JSON.stringify(messages)).to.contain(said);
    const file = await fetch(`${chatUrl(demo)}/api/files/${picture}`);
    expect(await file.text()).to.equal("a picture");
  });
});
