import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { copyDatabase, endCopying } from "../../../updater/drivers/compose/data/copies.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

/** Notes what it is asked, and gives the next line of its answers; the last one for ever. */
const DOCKER = `#!/bin/sh
here=$(dirname "$0")
cat >> "$here/asked"
head -n 1 "$here/answers"
test "$(wc -l < "$here/answers")" -lt 2 || sed -i 1d "$here/answers"
`;

describe("a copy of the database", function () {
  this.timeout(60_000);
  const temporary = useTemporaryDirectory();
  const path = process.env.PATH;
  const live = { id: "db", name: "chatalot-db", imageId: "sha256:db", user: "u", database: "chat" };
  const asked = (): Promise<string> => readFile(temporary("programs", "asked"), "utf8");

  beforeEach(async () => {
    await mkdir(temporary("programs"));
    await writeFile(temporary("programs", "docker"), DOCKER);
    await chmod(temporary("programs", "docker"), 0o755);
    process.env.PATH = `${temporary("programs")}:${path}`;
  });
  afterEach(() => {
    process.env.PATH = path;
  });

  const answers = (...lines: string[]): Promise<void> =>
    writeFile(temporary("programs", "answers"), `${lines.join("\n")}\n`);

  it("is made by a session that is found, and ended, by its name", async () => {
    await answers("0");
    await copyDatabase(live, "chat_before_2");
    const [, name] = /SET application_name = '(.*)';\nCREATE DATABASE/.exec(await asked()) ?? [];
    await writeFile(temporary("programs", "asked"), "");
    await endCopying(live);
    expect(name).to.match(/^.{10,63}$/);
    expect(await asked()).to.contain(`application_name = '${name}'`);
  });

  it("is ended only when its session is gone, and not waited for for ever", async () => {
    await answers("1", "1", "0");
    let pauses = 0;
    const pause = async (): Promise<void> => void (pauses += 1);
    await endCopying(live, pause);
    expect(pauses).to.equal(2);
    await answers("1");
    const { message } = await errorOf(() => endCopying(live, () => Promise.resolve()));
    expect(message).to.contain("goes on");
  });
});
