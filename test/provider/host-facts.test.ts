import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { HOST_PROBE, type HostFacts, parseHostFacts } from "../../provider/server/host-facts.ts";
import { readyFacts } from "./support/samples.ts";

/** What is known of a host that said nothing. */
const NOTHING: HostFacts = {
  system: "unknown",
  machine: "unknown",
  libc: "",
  missingTools: [],
  rootless: false,
  containers: [],
  filledVolumes: [],
  files: [],
  publishesPort: false,
  sockets: [],
  memoryMegabytes: 0,
  diskMegabytes: 0,
  hasInstance: false,
  runners: [],
};

describe("parseHostFacts", () => {
  it("reads a host in good order", () => {
    expect(parseHostFacts(readyFacts())).to.deep.equal({
      ...NOTHING,
      system: "Linux",
      machine: "x86_64",
      libc: "glibc 2.36",
      systemd: 252,
      node: { path: "/usr/bin/node", version: "20.19.0", isRoots: true },
      docker: "24.0.7",
      compose: "2.20.3",
      buildx: "github.com/docker/buildx v0.11.2 9872040",
      memoryMegabytes: 4_096,
      diskMegabytes: 20_480,
      dockerDiskMegabytes: 20_480,
    });
  });

  const table: [string, string, Partial<HostFacts>][] = [
    ["nothing", "", {}],
    ["lines that are no facts", "Welcome!\n\n\tx\0\n", {}],
    ["a greeting before the facts", "Last login: today\nsystem=Linux\n", { system: "Linux" }],
    ["lines that end as Windows' do", "system=Linux\r\n", { system: "Linux" }],
    ["a value with an equals sign", "file=/srv/a=b\n", { files: ["/srv/a=b"] }],
    ["empty values", "docker=\ncompose=\nsystemd=\npublisher=\n", {}],
    ["what is no number", "memory=many\ndisk=-5\nsystemd=x\n", {}],
    ["names of objects' own members", "__proto__=x\nconstructor=y\n", {}],
    ["a container found twice", "container=/a\ncontainer=/a\n", { containers: ["a"] }],
    ["Docker without an answer", "docker=silent\n", { docker: "silent" }],
    ["Docker without root", "security=[name=rootless]\n", { rootless: true }],
    ["missing programs", "missing=ss\nmissing=tar\n", { missingTools: ["ss", "tar"] }],
    ["a published port", "publisher=4f2a\n", { publishesPort: true }],
    ["half of the last runner", "runnerNode=/usr/bin/node\n", {}],
    [
      "the last runner",
      "runnerNode=/n\nrunnerUpdater=/u\n",
      { lastRunner: { node: "/n", updater: "/u" } },
    ],
    ["Node that answers nothing", "node=0:755  /usr/bin/node\n", {}],
    ...(
      [
        ["another's Node", "1000:755", false],
        ["a Node that its group may change", "0:775", false],
        ["a Node that everybody may change", "0:757", false],
        ["root's Node", "0:555", true],
      ] as const
    ).map(([what, mode, isRoots]): [string, string, Partial<HostFacts>] => [
      what,
      `node=${mode} v22.1.0 /opt/node/bin/node\n`,
      { node: { path: "/opt/node/bin/node", version: "22.1.0", isRoots } },
    ]),
  ];
  for (const [what, output, facts] of table) {
    it(`reads ${what}`, () => {
      expect(parseHostFacts(output)).to.deep.equal({ ...NOTHING, ...facts });
    });
  }
});

describe("HOST_PROBE", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-probe-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function probe(
    directory: string,
    port = "1",
    environment: Record<string, string> = {},
  ): Promise<HostFacts> {
    const argv = ["-c", HOST_PROBE, "probe", directory, "no-such-project", port, "no-such-volume"];
    const { stdout } = await execa("sh", argv, { env: environment });
    return parseHostFacts(stdout);
  }

  it("knows this machine, of which it changes nothing", async () => {
    const before = await stat(folder, { bigint: true });
    const facts = await probe(join(folder, "a", "b"));
    const after = await stat(folder, { bigint: true });
    expect(facts.system).to.equal("Linux");
    expect(facts.machine).to.be.oneOf(["x86_64", "aarch64"]);
    expect(facts.memoryMegabytes).to.be.above(100);
    expect(facts.diskMegabytes).to.be.above(1);
    expect(facts).to.include({ hasInstance: false, publishesPort: false });
    expect(facts).not.to.have.property("unwritable");
    expect(facts.files).to.deep.equal([]);
    expect(await readdir(folder)).to.deep.equal([]);
    expect(after.mtimeNs).to.equal(before.mtimeNs);
  });

  it("finds what a deployment would write over, and an instance", async () => {
    await writeFile(join(folder, ".env"), "");
    await writeFile(join(folder, "docker-compose.yml"), "");
    expect((await probe(folder)).files).to.deep.equal([
      join(folder, ".env"),
      join(folder, "docker-compose.yml"),
    ]);
    await mkdir(join(folder, ".deploy"));
    await writeFile(join(folder, ".deploy", "instance.json"), "{}");
    expect((await probe(folder)).hasInstance).to.equal(true);
  });

  it("takes its arguments for words and never for commands", async () => {
    await probe(`${folder}/$(touch ${folder}/PWNED)/'x`);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("tells a Docker that doesn't answer from one that isn't there", async function () {
    await writeFile(join(folder, "docker"), "#!/bin/sh\necho\nexit 1\n", { mode: 0o755 });
    const path = `${folder}:${process.env["PATH"] ?? ""}`;
    expect((await probe(join(folder, "x"), "1", { PATH: path })).docker).to.equal("silent");
  });
});
