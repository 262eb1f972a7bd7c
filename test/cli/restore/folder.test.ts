import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { UserError } from "../../../common/errors.ts";
import { contentOf, readLocalBackup } from "../../../cli/restore/folder.ts";
import type { BackupManifest } from "../../../updater/backups.ts";
import { backup, DUMP, NAME } from "../backup/samples.ts";

describe("a backup on the operator's machine", () => {
  let parent = "";
  let folder = "";

  async function write(values: Partial<BackupManifest> = {}): Promise<void> {
    const { manifest } = backup(NAME, values);
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    await writeFile(join(folder, "database.dump"), DUMP);
  }

  async function refusal(path = folder): Promise<string> {
    try {
      await readLocalBackup(path);
    } catch (error) {
      expect(error).to.be.instanceOf(UserError);
      return String(error);
    }
    throw new Error("it was taken");
  }

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "chatalot-deploy-restore-"));
    folder = join(parent, NAME);
    await mkdir(folder);
    await write();
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it("is read with its manifest, and sent byte by byte", async () => {
    const local = await readLocalBackup(`${folder}/`);
    expect(local.name).to.equal(NAME);
    expect(local.manifest).to.deep.equal(backup().manifest);
    expect((await buffer(contentOf(local))).toString()).to.equal(DUMP);
  });

  it("is refused where it is not there, or has another name than on the server", async () => {
    expect(await refusal(join(parent, "000013-20260301T201500Z"))).to.contain("ENOENT");
    await rename(folder, join(parent, "mine"));
    expect(await refusal(join(parent, "mine"))).to.contain("must have the name");
    await rename(join(parent, "mine"), join(parent, "000013-20260301T201500Z"));
    expect(await refusal(join(parent, "000013-20260301T201500Z"))).to.contain("that of job 12");
  });

  it("is refused with a dump that is not what was written", async () => {
    await writeFile(join(folder, "database.dump"), DUMP.slice(1));
    expect(await refusal()).to.contain("its dump has the SHA-256");
  });

  it("is refused with files that its list doesn't have, and without its list", async () => {
    const files = { count: 1, size: 1, listSize: 2, listSha256: "0".repeat(64) };
    await write({ files });
    expect(await refusal()).to.contain("files.json");
    await writeFile(join(folder, "files.json"), "{}");
    expect(await refusal()).to.contain("its list of files has the SHA-256");
  });

  for (const [what, values] of [
    ["a release that is a path", { release: { name: "v1.0.0", commit: "../../etc" } }],
    ["an instance that is a path", { instanceId: "../ledger" }],
    ["a time that is none", { takenAt: "yesterday; touch /PWNED" }],
    ["a job that is no number", { sequence: 0.5 }],
  ] as const)
    it(`is refused with ${what}`, async () => {
      await write(values);
      expect(await refusal()).to.contain("its manifest.json is wrong at");
    });

  it("is refused with a manifest that is a link", async () => {
    await rename(join(folder, "manifest.json"), join(parent, "manifest.json"));
    await symlink(join(parent, "manifest.json"), join(folder, "manifest.json"));
    expect(await refusal()).to.contain("is not a file of at most");
  });
});
