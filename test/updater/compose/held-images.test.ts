import { expect } from "chai";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  holdImage,
  letGoOfImages,
  nameImage,
} from "../../../updater/drivers/compose/held-images.ts";
import { useTemporaryDirectory } from "../temporary.ts";

/** Notes what changes something. The files beside it are what a tag names, and what is listed. */
const DOCKER = `#!/bin/sh
here=$(dirname "$0")
case "$1 $2" in
  "image inspect")
    test -e "$here/image.json" || { echo "Error: No such image: $4" >&2; exit 1; }
    cat "$here/image.json";;
  "images --filter") printf '%s\\n' "$3" >> "$here/filters"; cat "$here/listed";;
  *) printf '%s\\n' "$*" >> "$here/calls";;
esac
`;

const OLD = `sha256:${"a".repeat(64)}`;

describe("an image that a job may have to go back to", () => {
  const temporary = useTemporaryDirectory();
  const path = process.env.PATH;
  const place = (name: string): string => join(temporary("programs"), name);
  const calls = async (): Promise<string[]> =>
    (await readFile(place("calls"), "utf8").catch(() => "")).split("\n").slice(0, -1);
  const tagNames = (id: string): Promise<void> =>
    writeFile(place("image.json"), JSON.stringify([{ Id: id, Architecture: "amd64" }]));

  beforeEach(async () => {
    await mkdir(temporary("programs"));
    await writeFile(place("docker"), DOCKER);
    await chmod(place("docker"), 0o755);
    process.env.PATH = `${temporary("programs")}:${path}`;
  });
  afterEach(() => {
    process.env.PATH = path;
  });

  it("gets a name that is no other project's", async () => {
    await holdImage("chat", OLD);
    expect(await calls()).to.deep.equal([
      `tag ${OLD} chatalot-deploy/chat.before:${"a".repeat(12)}`,
    ]);
  });

  it("gets its tag back where that names another image, or none any more", async () => {
    expect(await nameImage(OLD, "postgres:17")).to.equal(true);
    await tagNames("sha256:new");
    expect(await nameImage(OLD, "postgres:17")).to.equal(true);
    await tagNames(OLD);
    expect(await nameImage(OLD, "postgres:17")).to.equal(false);
    expect(await calls()).to.deep.equal(Array(2).fill(`tag ${OLD} postgres:17`));
  });

  it("loses our name at the end, and is not removed with its last one", async () => {
    await writeFile(place("listed"), "chatalot-deploy/chat.before:aaaaaaaaaaaa\n");
    await letGoOfImages("chat", () => Promise.resolve("sha256:server"));
    expect(await readFile(place("filters"), "utf8")).to.equal(
      "reference=chatalot-deploy/chat.before\n",
    );
    expect(await calls()).to.deep.equal([
      "tag sha256:server chatalot-deploy/chat.before:aaaaaaaaaaaa",
      "image rm chatalot-deploy/chat.before:aaaaaaaaaaaa",
    ]);
  });

  it("asks for no image that has a name where none has one of ours", async () => {
    await writeFile(place("listed"), "");
    let asked = 0;
    await letGoOfImages("chat", () => Promise.resolve(`sha256:${(asked += 1)}`));
    expect(asked).to.equal(0);
    expect(await calls()).to.deep.equal([]);
  });
});
