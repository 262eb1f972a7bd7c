import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { BackupManifest } from "../../updater/backups.ts";
import { dockerBytes } from "../../updater/drivers/compose/disk-use.ts";
import { freeableText, isDiskFull } from "../../updater/freeable.ts";
import { makeContext } from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const MEGABYTE = 1024 ** 2;

describe("freeableText", () => {
  const temporary = useTemporaryDirectory();

  async function backup(name: string, proven: boolean): Promise<void> {
    const folder = join(temporary("chat"), "backups", name);
    await mkdir(folder, { recursive: true });
    const manifest: Partial<BackupManifest> = {
      format: 1,
      sequence: Number(name.slice(0, 6)),
      ...(proven ? { proof: { restoredAt: "2024-01-01T00:00:00Z" } } : {}),
    };
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    await writeFile(join(folder, "database.dump"), Buffer.alloc(2 * MEGABYTE));
  }

  it("names what can be freed, the largest first, each with its command, and never the newest proof", async () => {
    const context = await makeContext(temporary("chat"));
    for (const [number, proven] of [
      [1, true],
      [2, true],
      [3, false],
    ] as const)
      await backup(`00000${number}-20240101T000000Z`, proven);
    context.driver.freeable = [
      { what: "nearly nothing", bytes: 10, command: "rm nothing" },
      { what: "the build cache", bytes: 5 * MEGABYTE, command: "docker builder prune --force" },
    ];
    const lines = (await freeableText(context.driver, context.paths)).split("\n");
    expect(lines[0]).to.contain("What can be freed on the server, as root");
    expect(lines.slice(1)).to.deep.equal([
      "  5.2 MB the build cache: docker builder prune --force",
      "  2.1 MB the backup 000001-20240101T000000Z; copy it away first if it matters: " +
        `rm -r ${temporary("chat")}/backups/000001-20240101T000000Z`,
    ]);
  });

  it("is empty where nothing can be freed", async () => {
    const context = await makeContext(temporary("chat"));
    expect(await freeableText(context.driver, context.paths)).to.equal("");
  });
});

describe("isDiskFull", () => {
  it("knows a full disk by the words of Node, of programs and of the build", () => {
    for (const text of [
      "write the dump: ENOSPC: no space left on device, write",
      "tar: scripts: Cannot mkdir: No space left on device",
      "PANIC:  could not write to file: No space left on device",
      "write failed: Disk quota exceeded",
      "Unknown system error -122: Unknown system error -122, write",
    ])
      expect(isDiskFull(text), text).to.equal(true);
    for (const text of [
      "EROFS: read-only file system",
      "exit code 1",
      "ENOSPCX",
      "system error -1220",
    ])
      expect(isDiskFull(text), text).to.equal(false);
  });
});

describe("dockerBytes", () => {
  it("reads the sizes that Docker writes, with what follows them", () => {
    expect(dockerBytes("0B")).to.equal(0);
    expect(dockerBytes("12.5kB")).to.equal(12_500);
    expect(dockerBytes("1.234GB (50%)")).to.equal(1_234_000_000);
    expect(dockerBytes("much")).to.equal(undefined);
  });
});
