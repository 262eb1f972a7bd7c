import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { instancePaths, type InstancePaths } from "../../updater/paths.ts";
import { putBackUploads, setAsideUploads } from "../../updater/uploads.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("uploads that an older database does not know", () => {
  const temporary = useTemporaryDirectory();
  let paths: InstancePaths;
  let volume: string;
  let outside: string;

  beforeEach(async () => {
    paths = instancePaths(join(temporary(), "chat"));
    volume = join(temporary(), "volume");
    outside = join(temporary(), "outside");
    await mkdir(join(volume, "ab"), { recursive: true });
    await mkdir(paths.directory);
    await mkdir(outside);
    await writeFile(join(volume, "ab", "one"), "1");
    await writeFile(join(volume, "two"), "2");
    await writeFile(join(outside, "shadow"), "secret");
  });

  const place = () => ({
    ...{ paths, sequence: 7, volume: "files" },
    driver: { volumeFolder: () => Promise.resolve(volume) },
  });

  const displaced = (): string => join(temporary(), "displaced");
  const putBack = (): Promise<string | undefined> => putBackUploads(place(), 7, displaced());

  it("are set aside, and put back where they are missing", async () => {
    const said = await setAsideUploads(place(), { known: new Set(["two"]) });
    expect(said).to.contain("1 uploads that the older database does not know");
    await rm(join(volume, "ab"), { recursive: true });
    expect(await putBack()).to.contain("1 uploads were put back");
    expect(await readFile(join(volume, "ab", "one"), "utf8")).to.equal("1");
    expect(await putBack()).to.equal(undefined);
  });

  it("come back into a folder that the server can enter", async () => {
    await chown(volume, 1234, 4321);
    await chmod(volume, 0o750);
    await setAsideUploads(place(), { known: new Set() });
    await rm(join(volume, "ab"), { recursive: true });
    await putBack();
    const facts = await stat(join(volume, "ab"));
    expect(facts).to.include({ uid: 1234, gid: 4321 });
    expect(facts.mode & 0o777).to.equal(0o750);
  });

  it("come back in the place of what replaced them, which is kept", async () => {
    await setAsideUploads(place(), { known: new Set() });
    await rm(join(volume, "two"));
    await writeFile(join(volume, "two"), "other");
    expect(await putBack()).to.contain("1 uploads were put back");
    expect(await readFile(join(volume, "two"), "utf8")).to.equal("2");
    expect(await readFile(join(displaced(), "two"), "utf8")).to.equal("other");
    expect((await readdir(volume)).sort()).to.deep.equal(["ab", "two"]);
    expect(await putBack()).to.equal(undefined);
  });

  it("come back alone: what an interrupted copy left is none of them", async () => {
    await setAsideUploads(place(), { known: new Set() });
    const kept = join(paths.setAside, "000007");
    await writeFile(join(kept, ".0123456789ab.tmp"), "ha");
    await writeFile(join(kept, "two.kept-2"), "another");
    expect(await putBack()).to.equal(undefined);
    expect((await readdir(volume)).sort()).to.deep.equal(["ab", "two"]);
  });

  it("are not chosen by a clock that was ahead", async () => {
    const tomorrow = Date.now() + 3_600_000;
    expect(await setAsideUploads(place(), { since: tomorrow })).to.equal(undefined);
    expect(await setAsideUploads(place(), { about: tomorrow })).to.contain("2 uploads are kept");
    const kept = await readdir(paths.setAside, { recursive: true });
    expect(kept).to.include.members(["000007/two", "000007/ab/one"]);
  });

  it("are copied onto another disk where they came a day before the moment or later", async () => {
    const elsewhere = await mkdtemp("/dev/shm/chatalot-deploy-updater-");
    try {
      await rename(volume, `${volume}-unused`);
      volume = elsewhere;
      await writeFile(join(volume, "one"), "1");
      const hour = 3_600_000;
      const later = { about: Date.now() + 30 * hour };
      expect(await setAsideUploads(place(), later)).to.equal(undefined);
      const within = { about: Date.now() + 20 * hour };
      expect(await setAsideUploads(place(), within)).to.contain("1 uploads are kept");
      expect(await readFile(join(paths.setAside, "000007", "one"), "utf8")).to.equal("1");
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it("are not taken from where a link leads", async () => {
    await symlink(outside, join(volume, "cd"));
    await symlink(join(outside, "shadow"), join(volume, "three"));
    await setAsideUploads(place(), { since: 0 });
    const kept = await readdir(paths.setAside, { recursive: true });
    expect(kept.filter((name) => /shadow|three|cd/.test(name))).to.deep.equal([]);
  });

  it("are not put where a link leads that came in the place of a folder", async () => {
    await setAsideUploads(place(), { since: 0 });
    await rename(join(volume, "ab"), join(volume, "gone"));
    await symlink(outside, join(volume, "ab"));
    const failure: unknown = await putBack().catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await readdir(outside)).to.deep.equal(["shadow"]);
  });
});
