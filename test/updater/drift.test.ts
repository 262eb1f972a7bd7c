import { expect } from "chai";
import { lstat, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { serviceDrift } from "../../updater/drift.ts";
import { describeOverride, readOverride } from "../../updater/override.ts";
import { instancePaths } from "../../updater/paths.ts";
import { editedFiles, fileDigests, keepEdits } from "../../updater/release-files.ts";
import { OLD_COMMIT, servingRecord } from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("serviceDrift", () => {
  const good = { service: "postgres", state: "running", isUnhealthy: false, configHash: "1" };
  const cases: [string, (typeof good)[], string[]][] = [
    ["nothing", [good], []],
    ["a stopped service", [{ ...good, state: "exited" }], ["postgres is exited"]],
    ["a removed one", [], ["postgres: its container is gone"]],
    ["an unhealthy one", [{ ...good, isUnhealthy: true }], ["postgres is unhealthy"]],
    [
      "one that somebody else made",
      [{ ...good, configHash: "2" }],
      ["postgres: its container was made with another configuration"],
    ],
    [
      "one too many",
      [good, { ...good, service: "coturn" }],
      ["coturn runs, although it is not switched on"],
    ],
  ];
  for (const [what, services, expected] of cases)
    it(`tells ${what}`, () => {
      expect(serviceDrift(services, { postgres: "1" })).to.deep.equal(expected);
    });
});

describe("the operator's files", () => {
  const temporary = useTemporaryDirectory();

  it("are found by their digest and kept before ours come back", async () => {
    const paths = instancePaths(temporary());
    const serving = servingRecord(OLD_COMMIT);
    const folder = temporary(serving.releaseDirectory);
    await mkdir(folder, { recursive: true });
    await mkdir(paths.state);
    await writeFile(`${folder}/.env`, "A=1\n");
    await symlink("current/compose.yaml", paths.composeFile);
    serving.files = await fileDigests(paths, serving.releaseDirectory);
    expect(await editedFiles(paths, serving)).to.deep.equal({ edited: [], missing: [] });

    await writeFile(`${folder}/.env`, "A=2\n");
    await writeFile(paths.environmentFile, "A=3\n");
    expect((await editedFiles(paths, serving)).edited).to.deep.equal([".env"]);
    const kept = await keepEdits(paths, { sequence: 7, previous: serving });

    expect(kept).to.deep.equal([".env.edited-7", ".env.edited-7-in-release"]);
    expect(await readFile(temporary(".env.edited-7"), "utf8")).to.equal("A=3\n");
    expect(await readFile(temporary(".env.edited-7-in-release"), "utf8")).to.equal("A=2\n");
    expect((await lstat(paths.composeFile)).isSymbolicLink()).to.equal(true);
  });

  it("are merged as Compose does: the first name that is there, and the others are named", async () => {
    const paths = instancePaths(temporary());
    expect(await readOverride(paths)).to.equal(undefined);
    for (const name of ["docker-compose.override.yml", "compose.override.yaml"])
      await writeFile(temporary(name), name);
    expect(await readOverride(paths)).to.deep.equal({
      name: "compose.override.yaml",
      text: "compose.override.yaml",
      ignored: ["docker-compose.override.yml"],
    });
  });

  it("are described by services and keys", () => {
    const text = "services: {chatalot: {ports: [a], labels: {b: 1, c: 2}}}\nnetworks: {proxy: {}}";
    expect(describeOverride(text)).to.equal("chatalot ports, labels (2); networks proxy");
    expect(describeOverride("services: [")).to.equal("it is not valid YAML");
  });
});
