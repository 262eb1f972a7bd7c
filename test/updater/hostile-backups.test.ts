import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect } from "chai";
import { readLocalBackup } from "../../cli/restore/folder.ts";
import { UserError } from "../../common/errors.ts";
import { parseFileList } from "../../updater/backup-files/compare.ts";
import { makeFolders, receiveContent } from "../../updater/backup-files/content.ts";
import type { FileList } from "../../updater/backup-files/file-list.ts";
import { backupManifestSchema } from "../../updater/backup-manifest.ts";
import {
  backupRequestSchema,
  offeredBackupSchema,
  sendRequestSchema,
} from "../../updater/backup-protocol.ts";
import { backups } from "../provider/support/full-answers.ts";
import {
  guardAgainstExecution,
  HOSTILE_KINDS,
  HOSTILE_VALUES,
  named,
  STEERS,
} from "../support/hostile-values.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const NAME = "000012-20260301T201500Z";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const OWNED = { uid: 0, gid: 0, mode: 0o600 };

describe("hostile backups", function () {
  this.timeout(60_000);
  guardAgainstExecution();
  const temporary = useTemporaryDirectory();

  it("have files of those very names below their folder, or are refused", async () => {
    let kept = 0;
    const paths = HOSTILE_VALUES.flatMap((value) => [
      ...[value, `uploads/${value}`, `uploads/a/${value}`, `configuration/${value}`],
      `uploads/${value}/b`,
    ]);
    for (const [index, path] of paths.entries()) {
      const folder = temporary(String(index));
      await mkdir(join(folder, "backup"), { recursive: true });
      const made = await received(join(folder, "backup"), path).catch((error: unknown) => error);
      expect(await readdir(folder), named(path)).to.deep.equal(["backup"]);
      if (made instanceof Error) continue;
      kept += 1;
      expect(await readFile(join(folder, "backup", path), "utf8"), named(path)).to.equal("text");
      const files = await filesBelow(join(folder, "backup"));
      expect(files, named(path)).to.deep.equal([path]);
    }
    expect(kept, "names that a file may have").to.be.above(100);
  });

  it("have a list that is refused in each place where it is another one", () => {
    const list = listOf("uploads/x");
    for (const member of ["path", "uid", "gid", "mode"] as const)
      for (const value of [...HOSTILE_KINDS, -1, 1.5, 1e300, null, {}, []]) {
        if (member === "path" && value !== null && typeof value === "string") continue;
        const [folder] = list.folders;
        const text = JSON.stringify({ ...list, folders: [{ ...folder, [member]: value }] });
        expect(() => parse(text), `${member} ${named(value)}`).to.throw(Error);
      }
    const setuid = { ...list, files: list.files.map((file) => ({ ...file, mode: 0o4755 })) };
    expect(() => parse(JSON.stringify(setuid))).to.throw(Error);
    for (const text of ["", "null", "[]", "{}", '{"format":1}', "x".repeat(1_000_000)])
      expect(() => parse(text), named(text)).to.throw(Error);
  });

  it("have a manifest in which each text is a word, or is shown as text", () => {
    const [{ manifest } = { manifest: undefined }] = backups.backups;
    const members = ["instanceId", "takenAt", "kind", "format", "sequence", "databaseSize"];
    for (const member of members)
      for (const value of HOSTILE_VALUES) {
        const isWord = member === "instanceId" && /^[a-zA-Z]{1,20}$/.test(value);
        expect(
          backupManifestSchema.safeParse({ ...manifest, [member]: value }).success,
          `${member} ${named(value)}`,
        ).to.equal(isWord);
      }
    const restoredAt = "2024-01-01T00:00:00.000Z";
    for (const job of [...HOSTILE_KINDS, -1, 0, 1.5, null])
      expect(
        backupManifestSchema.safeParse({ ...manifest, proof: { restoredAt, job } }).success,
        named(job),
      ).to.equal(job === undefined);
    for (const value of HOSTILE_VALUES) {
      const dump = { ...manifest?.dump, sha256: value };
      expect(backupManifestSchema.safeParse({ ...manifest, dump }).success).to.equal(false);
      const version = { ...manifest?.dump, postgresVersion: value };
      const isVersion = /^[0-9A-Za-z.]{1,30}$/.test(value);
      const taken = backupManifestSchema.safeParse({ ...manifest, dump: version });
      expect(taken.success, named(value)).to.equal(isVersion);
    }
  });

  it("are named by nothing that leads elsewhere", () => {
    for (const value of HOSTILE_VALUES) {
      const request = { protocol: PROTOCOL, directory: "/srv/chatalot", name: value };
      expect(backupRequestSchema.safeParse(request).success, named(value)).to.equal(false);
      expect(sendRequestSchema.safeParse({ ...request, part: "list" }).success).to.equal(false);
      const offered = { ...request, name: NAME, project: value, volumes: [] };
      const manifest = backups.backups[0]?.manifest;
      const taken = offeredBackupSchema.safeParse({ ...offered, manifest });
      expect(taken.success, named(value)).to.equal(value === "constructor");
      const other = { ...request, name: NAME, directory: value };
      expect(backupRequestSchema.safeParse(other).success, named(value)).to.equal(
        value === "/tmp/PWNED" || value === "/etc/passwd",
      );
    }
  });

  it("have the name of the job that their manifest names", () => {
    const [{ manifest } = { manifest: undefined }] = backups.backups;
    const isTaken = (name: string, sequence: number): boolean =>
      offeredBackupSchema.safeParse({
        ...{ protocol: PROTOCOL, directory: "/srv/chatalot", project: "chat", volumes: [], name },
        manifest: { ...manifest, sequence },
      }).success;
    expect(isTaken(NAME, 12)).to.equal(true);
    expect(isTaken("123456789-20260301T201500Z", 123_456_789)).to.equal(true);
    for (const [name, sequence] of [
      ["000003-20260301T201500Z", 57],
      ["0000012-20260301T201500Z", 12],
      ["1000000000-20260301T201500Z", 1_000_000_000],
      ["12345678901234567890123-20260301T201500Z", 12],
    ] as const)
      expect(isTaken(name, sequence), name).to.equal(false);
  });

  it("are not proven because they say so", () => {
    const [{ manifest } = { manifest: undefined }] = backups.backups;
    expect(manifest).to.have.property("proof");
    const offered = offeredBackupSchema.parse({
      ...{ protocol: PROTOCOL, directory: "/srv/chatalot", project: "chat", volumes: [] },
      ...{ name: NAME, manifest },
    });
    expect(offered.manifest).not.to.have.property("proof");
  });

  it("are refused where a folder of this machine has them, in a text for people", async () => {
    for (const value of HOSTILE_KINDS.filter((text) => !/[\0/]/.test(text) && text.length < 200)) {
      const folder = temporary(value);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "manifest.json"), value);
      const error: unknown = await readLocalBackup(folder).catch((thrown: unknown) => thrown);
      expect(error, named(value)).to.be.instanceOf(UserError);
    }
    const folder = temporary(NAME);
    await mkdir(folder);
    for (const value of HOSTILE_VALUES) {
      await writeFile(
        join(folder, "manifest.json"),
        JSON.stringify({ format: 1, sequence: value }),
      );
      const error: unknown = await readLocalBackup(folder).catch((thrown: unknown) => thrown);
      expect(error, named(value)).to.be.instanceOf(UserError);
      expect((error as UserError).message, named(value)).not.to.match(STEERS);
    }
  });

  function listOf(path: string): FileList {
    const parents = path.split("/").map((_, at, all) => all.slice(0, at).join("/"));
    const file = { ...OWNED, path, size: 4, modified: 0, sha256: sha256("text") };
    return {
      format: 1,
      folders: parents.filter((name) => name !== "").map((name) => ({ ...OWNED, path: name })),
      files: [file],
    };
  }

  function parse(text: string): FileList {
    return parseFileList(text, {
      ...{ count: 1, size: 4, listSize: text.length, listSha256: sha256(text) },
    });
  }

  /** Takes a file of a name as the operator's side and the server do. */
  async function received(folder: string, path: string): Promise<void> {
    const list = parse(JSON.stringify(listOf(path)));
    await makeFolders(folder, list);
    await receiveContent(Readable.from([Buffer.from("text")]), list.files, folder);
  }

  async function filesBelow(folder: string): Promise<string[]> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory());
    return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  }
});
