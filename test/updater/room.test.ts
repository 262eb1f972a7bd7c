import { mkdir, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { ensureInstance } from "../../updater/instance.ts";
import { type InstancePaths, instancePaths } from "../../updater/paths.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import { foreseeRoom } from "../../updater/room.ts";
import { roomRequestSchema } from "../../updater/room-protocol.ts";
import { HOSTILE_VALUES, named } from "../support/hostile-values.ts";
import { FakeDriver } from "./fake-driver.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("the room that is foreseen for an update", () => {
  const temporary = useTemporaryDirectory();
  let paths: InstancePaths;
  let driver: FakeDriver;
  let free: number;

  beforeEach(async () => {
    paths = instancePaths(temporary("chat"));
    await ensureInstance(paths, "chat");
    driver = new FakeDriver();
    driver.volume = driver.imagesIn = temporary("chat");
    const { bavail, bsize } = await statfs(temporary("chat"));
    free = bavail * bsize;
  });

  const request = (changes: number, isUpgrade = false) => ({
    ...({ protocol: PROTOCOL, directory: paths.directory, project: "chat" } as const),
    ...{ volumes: ["chat_postgres_data", "chat_file_storage"], changes, isUpgrade },
  });
  const refusals = async (changes: number, isUpgrade?: boolean): Promise<string[]> =>
    (await foreseeRoom(request(changes, isUpgrade), () => driver)).refusals;
  const sized = (share: number): void => {
    driver.databaseTools.size = () => Promise.resolve(Math.floor(free * share));
  };

  it("is enough for a small database", async () => {
    expect(await refusals(1)).to.deep.equal([]);
  });

  it("is refused by the job's own words, with what can be freed or done", async () => {
    sized(0.6);
    const [text, ...others] = await refusals(0);
    expect(others).to.deep.equal([]);
    expect(text).to.match(
      /^too little disk space: \d+ MB free on .*, \d+ MB needed, with the backup and its proof\. Make room there/,
    );
    driver.freeable = [
      { what: "the build cache", bytes: 5e6, command: "docker builder prune --force" },
    ];
    expect((await refusals(0)).join()).to.match(
      /What can be freed on the server, as root:\n {2}5\.0 MB the build cache: docker builder prune --force$/,
    );
  });

  it("is reckoned with migrations, an upgrade's second dump, and what the last dump had of its database", async () => {
    // A dump as large as the database, and the proof's copy: 2.2 times; with a revert point 3.2 times.
    sized(0.36);
    expect(await refusals(0)).to.deep.equal([]);
    expect(await refusals(1)).to.have.length(1);
    sized(0.27);
    expect(await refusals(1)).to.deep.equal([]);
    expect(await refusals(1, true)).to.have.length(1);
    const folder = join(paths.backups, "000001-20240101T000000Z");
    await mkdir(folder, { recursive: true });
    const manifest = { format: 1, sequence: 1, databaseSize: 100, dump: { size: 10 } };
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    await writeFile(join(folder, "database.dump"), "");
    expect(await refusals(1, true)).to.deep.equal([]);
  });

  it("is asked for in words alone", () => {
    for (const value of HOSTILE_VALUES)
      for (const member of ["changes", "isUpgrade"] as const)
        expect(
          roomRequestSchema.safeParse({ ...request(0), [member]: value }).success,
          named(value),
        ).to.equal(false);
  });
});
