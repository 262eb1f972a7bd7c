import { expect } from "chai";
import { buildArguments } from "../../../updater/drivers/compose/build-arguments.ts";
import { isMemoryFailure, memoryError } from "../../../updater/drivers/compose/build-memory.ts";
import { problemOfPulled, pullFailure } from "../../../updater/drivers/compose/image-pull.ts";
import { ownImages } from "../../../updater/drivers/compose/image.ts";
import { mkdir, writeFile } from "node:fs/promises";
import { useTemporaryDirectory } from "../temporary.ts";

const commit = "1".repeat(40);
const architecture = process.arch === "arm64" ? "arm64" : "amd64";

describe("pullFailure", () => {
  const table: [string, string, string][] = [
    ["ghcr.io/us/x:1", "unauthorized: authentication required", "docker login ghcr.io."],
    ["ghcr.io/us/x:1", "Error response from daemon: denied", "docker login ghcr.io."],
    ["us/x:1", "pull access denied for us/x, repository does not exist", "docker login docker.io."],
    ["127.0.0.1:5055/us/x:1", "no basic auth credentials", "docker login 127.0.0.1:5055."],
    ["ghcr.io/us/x:1", "manifest unknown", "ghcr.io/us/x:1 does not exist."],
    ["ghcr.io/us/x:1", "no matching manifest for linux/arm64/v8", "for the server's processor."],
    ["ghcr.io/us/x:1", "dial tcp: i/o timeout", "could not be pulled: dial tcp: i/o timeout."],
  ];
  for (const [reference, text, end] of table)
    it(`says of "${text}" what to do`, () => {
      expect(pullFailure(reference, text)).to.match(/\.$/).and.include(end);
    });
});

describe("problemOfPulled", () => {
  it("finds none with the commit's image", () => {
    expect(problemOfPulled({ commit, architecture }, commit)).to.equal(undefined);
  });

  it("names a missing label, another commit and another processor", () => {
    expect(problemOfPulled({ architecture }, commit)).to.include("has no label");
    const other = "2".repeat(40);
    expect(problemOfPulled({ commit: other, architecture }, commit)).to.include(`commit ${other}`);
    expect(problemOfPulled({ commit, architecture: "s390x" }, commit)).to.include("for s390x");
  });
});

describe("a build's memory", () => {
  it("is told from other failures", () => {
    for (const line of [
      'ERROR: process "/bin/sh -c x" did not complete successfully: exit code: 137',
      "  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)",
    ])
      expect(isMemoryFailure(line), line).to.equal(true);
    for (const line of ["exit code: 1", "exit code: 1370", "Compiling killed-crate v1.0.0"])
      expect(isMemoryFailure(line), line).to.equal(false);
  });

  it("is named with its limit and the ways out", () => {
    const limited = memoryError(new Error("exit code 1"), 2_000_000_000).message;
    expect(limited).to.include("build.memory) is 2 GB").and.include("buildOn here");
    const free = memoryError(new Error("exit code 1"), undefined).message;
    expect(free).to.include("The server has too little.").and.not.include("raise build.memory");
  });
});

describe("buildArguments", () => {
  const wanted = {
    service: "chatalot",
    context: ".",
    dockerfile: "Dockerfile",
    args: { A: "1 2" },
    profiles: [],
  };

  it("tags and labels with the commit, without attestations", () => {
    const argv = buildArguments({ name: "n:t", commit, tree: "/tree", wanted });
    expect(argv.join(" ")).to.equal(
      "buildx build --load --progress plain --provenance=false --sbom=false --tag n:t --label " +
        `org.opencontainers.image.revision=${commit} --file /tree/Dockerfile --build-arg A=1 2 /tree`,
    );
  });

  it("has the group and the platform where there are any", () => {
    const more = { group: "/limited", platform: "linux/arm64" };
    const argv = buildArguments({ name: "n:t", commit, tree: "/tree", wanted, ...more });
    expect(argv.slice(7, 11)).to.deep.equal([
      "--cgroup-parent",
      "/limited",
      "--platform",
      "linux/arm64",
    ]);
  });
});

describe("ownImages", () => {
  const temporary = useTemporaryDirectory();

  it("are those of the project's own services, whatever other projects are called", async () => {
    const tree = temporary("tree");
    await mkdir(tree);
    await writeFile(
      `${tree}/docker-compose.yml`,
      "services:\n  chatalot:\n    build: .\n  bridge:\n    build: ./bridge\n  postgres:\n    image: postgres:17\n",
    );
    expect(await ownImages("chat", { commit, tree })).to.have.members([
      `chatalot-deploy/chat:${commit}`,
      `chatalot-deploy/chat-bridge:${commit}`,
    ]);
  });

  it("are the server's alone where the tree is gone or can't be read", async () => {
    const tree = temporary("tree");
    const main = [`chatalot-deploy/chat:${commit}`];
    expect(await ownImages("chat", { commit, tree })).to.deep.equal(main);
    await mkdir(tree);
    await writeFile(`${tree}/docker-compose.yml`, "services: [");
    expect(await ownImages("chat", { commit, tree })).to.deep.equal(main);
  });
});
