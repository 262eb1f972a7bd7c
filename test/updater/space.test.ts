import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { isRefusedForRoom } from "../../updater/freeable.ts";
import { requireSpaceFor, roomOf } from "../../updater/steps/space.ts";

describe("the space for an update", () => {
  let folder: string;
  let free: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-space-"));
    const { bavail, bsize } = await statfs(folder);
    free = bavail * bsize;
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is enough where what will be written fits", () =>
    requireSpaceFor([{ folder, bytes: free / 4, spare: 0 }]));

  it("is refused with what is free and what is needed", async () => {
    const refusal = await refusalOf([{ folder, bytes: free * 2, spare: 0 }]);
    expect(refusal).to.match(/^too little disk space: \d+ MB free on .*, \d+ MB needed/);
    expect(isRefusedForRoom(refusal ?? "")).to.equal(true);
    expect(refusal).to.contain(folder).and.to.contain("with the backup and its proof");
  });

  it("is counted together for folders of one file system, also for one not made yet", async () => {
    const half = { bytes: free * 0.7, spare: 0 };
    expect(await refusalOf([{ folder, ...half }])).to.equal(undefined);
    const both = [
      { folder, ...half },
      { folder: join(folder, "not", "made"), ...half },
    ];
    expect(await refusalOf(both)).to.contain(`free on ${folder}`);
  });

  it("keeps the spare space of each folder free, the largest once for a file system", async () => {
    const half = { folder, bytes: 0, spare: free * 0.7 };
    expect(await refusalOf([half, half])).to.equal(undefined);
    expect(await refusalOf([half, { folder, bytes: free * 0.7, spare: 0 }])).to.contain(
      "too little",
    );
  });
});

describe("roomOf", () => {
  it("tells what is free on each disk once, also for a folder that will only be made", async () => {
    const rooms = await roomOf([tmpdir(), tmpdir(), join(tmpdir(), "not", "made")]);
    expect(rooms).to.have.length(1);
    expect(rooms[0]).to.match(/^[\d.]+ MB( and \d+ inodes)? on /);
    expect(rooms[0]).to.contain(tmpdir());
  });
});

async function refusalOf(
  needs: Parameters<typeof requireSpaceFor>[0],
): Promise<string | undefined> {
  try {
    await requireSpaceFor(needs);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
