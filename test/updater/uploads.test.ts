import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
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

  it("are set aside, and put back where they are missing", async () => {
    const said = await setAsideUploads(place(), 0, new Set(["two"]));
    expect(said).to.contain("1 uploads");
    await rm(join(volume, "ab"), { recursive: true });
    expect(await putBackUploads(place(), 7)).to.contain("1 uploads were put back");
    expect(await readFile(join(volume, "ab", "one"), "utf8")).to.equal("1");
    expect(await putBackUploads(place(), 7)).to.equal(undefined);
  });

  it("are not taken from where a link leads", async () => {
    await symlink(outside, join(volume, "cd"));
    await symlink(join(outside, "shadow"), join(volume, "three"));
    await setAsideUploads(place(), 0);
    const kept = await readdir(paths.setAside, { recursive: true });
    expect(kept.filter((name) => /shadow|three|cd/.test(name))).to.deep.equal([]);
  });

  it("are not put where a link leads that came in the place of a folder", async () => {
    await setAsideUploads(place(), 0);
    await rename(join(volume, "ab"), join(volume, "gone"));
    await symlink(outside, join(volume, "ab"));
    const failure: unknown = await putBackUploads(place(), 7).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await readdir(outside)).to.deep.equal(["shadow"]);
  });
});
