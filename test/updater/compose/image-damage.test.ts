import { expect } from "chai";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { damageOf } from "../../../updater/drivers/compose/image-damage.ts";
import { ComposeDriver } from "../../../updater/drivers/compose/compose-driver.ts";
import { getImages } from "../../../updater/drivers/compose/image.ts";
import { instancePaths } from "../../../updater/paths.ts";
import type { ImageOrder } from "../../../updater/protocol.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

const COMMIT = "1".repeat(40);
const NAME = `chatalot-deploy/chatalot:${COMMIT}`;

const DAMAGE = 'Error response from daemon: file integrity checksum failed for "app/server.cjs"';

/** Has one image, which a build makes; `damage` is why it can't be read, and goes with the image. */
const DOCKER = `#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$*" >> "$here/calls"
case "$1 $2" in
  "image inspect")
    test -e "$here/image.json" || { echo "Error: No such image: $4" >&2; exit 1; }
    cat "$here/image.json";;
  "image save")
    head -c 20000000 /dev/zero
    if test -e "$here/damage"; then cat "$here/damage" >&2; exit 1; fi;;
  "image rm") rm -f "$here/image.json"; test -e "$here/is-shared" || rm -f "$here/damage";;
  "buildx build") cp "$here/built.json" "$here/image.json";;
esac
`;

const IMAGE = JSON.stringify([
  {
    Id: "sha256:1",
    Architecture: "amd64",
    Config: { Labels: { "org.opencontainers.image.revision": COMMIT } },
  },
]);

describe("an image that is listed", () => {
  const temporary = useTemporaryDirectory();
  const path = process.env.PATH;
  const place = (name: string): string => join(temporary("programs"), name);
  let told: string[];

  beforeEach(async () => {
    told = [];
    await mkdir(temporary("programs"));
    await writeFile(place("docker"), DOCKER);
    await chmod(place("docker"), 0o755);
    await writeFile(place("built.json"), IMAGE);
    await writeFile(place("image.json"), IMAGE);
    await writeFile(
      temporary("compose.yaml"),
      "services:\n  chatalot:\n    build: .\n    image: chatalot\n",
    );
    process.env.PATH = `${temporary("programs")}:${path}`;
  });
  afterEach(() => {
    process.env.PATH = path;
  });

  const get = (source: ImageOrder["source"]): ReturnType<typeof getImages> =>
    getImages("chatalot", {
      release: { commit: COMMIT } as Parameters<typeof getImages>[1]["release"],
      tree: temporary(),
      order: { source, references: [] },
      onLine: () => undefined,
      tell: (text) => told.push(text),
    });
  const calls = async (): Promise<string> => readFile(place("calls"), "utf8");

  it("is taken when it reads whole, however large it is", async () => {
    expect(await get("build")).to.deep.equal({ built: [] });
    expect(await calls()).to.include(`image save -- ${NAME}`);
    expect(told).to.deep.equal([]);
  });

  it("is removed and built anew when it doesn't, with nothing from the cache", async () => {
    await writeFile(place("damage"), DAMAGE);
    expect(await get("build")).to.deep.equal({ built: [NAME] });
    expect(await calls()).to.match(/image rm --force -- \S+\n[^]*buildx build .*--no-cache/);
    expect(told.join()).to.include("not whole").and.include("app/server.cjs");
  });

  it("is removed and asked for once more when it was sent", async () => {
    await writeFile(place("damage"), DAMAGE);
    const error = await errorOf(() => get("sent"));
    expect(String(error)).to.include("Run pulumi up again");
    expect(await calls()).to.include("image rm");
  });

  it("is refused when what replaces it is damaged, too", async () => {
    await writeFile(place("damage"), DAMAGE);
    await writeFile(place("is-shared"), "");
    const error = await errorOf(() => get("build"));
    expect(String(error)).to.include("not whole either").and.include("docker buildx prune --all");
    expect(await errorOf(() => readFile(place("image.json")))).to.include({ code: "ENOENT" });
  });

  it("is not removed because the daemon went away or the disk is full", async () => {
    for (const cause of [
      "error during connect: dial unix /var/run/docker.sock: connect: no such file or directory",
      "Error response from daemon: write /var/lib/docker/tmp/x: no space left on device",
    ]) {
      await writeFile(place("damage"), cause);
      expect(String(await errorOf(() => get("build")))).to.include(cause);
    }
    expect(await calls()).not.to.include("image rm");
  });

  it("is proven before a switch, and removed where it is damaged", async () => {
    const driver = new ComposeDriver(instancePaths(temporary()), "chatalot");
    await driver.proveImage(NAME);
    await writeFile(place("damage"), DAMAGE);
    const error = await errorOf(() => driver.proveImage(NAME));
    expect(String(error)).to.include("not whole").and.include("run pulumi up again");
    expect(await calls()).to.include(`image rm --force -- ${NAME}`);
  });

  it("has no damage once it is whole", async () => {
    await writeFile(place("damage"), DAMAGE);
    expect(await damageOf(NAME)).to.equal(DAMAGE);
    await rm(place("damage"));
    expect(await damageOf(NAME)).to.equal(undefined);
  });
});
