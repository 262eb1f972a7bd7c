import { expect } from "chai";
import { type HostFacts, parseHostFacts } from "../../provider/server/host-facts.ts";
import { type HostNeeds, hostFailures, hostWarnings } from "../../provider/server/requirements.ts";
import { readyFacts } from "./support/samples.ts";

const needs: HostNeeds = {
  directory: "/srv/chatalot",
  listen: { address: "127.0.0.1", port: 8080 },
  prepareServer: false,
};

function factsWith(changes: Partial<HostFacts>): HostFacts {
  return { ...parseHostFacts(readyFacts()), ...changes };
}

function factsWithout(...keys: (keyof HostFacts)[]): HostFacts {
  const facts: Partial<HostFacts> = factsWith({});
  for (const key of keys) delete facts[key];
  return facts as HostFacts;
}

function socket(local: string, process = ' users:(("nginx",pid=7,fd=6))'): string {
  return `LISTEN 0 511 ${local} 0.0.0.0:*${process}`;
}

describe("hostFailures", () => {
  it("finds nothing on a server in good order", () => {
    expect(hostFailures(factsWith({}), needs)).to.deep.equal([]);
  });

  const table: [string, HostFacts, string][] = [
    ["another system", factsWith({ system: "Darwin" }), "The system is Darwin; only Linux"],
    ["another processor", factsWith({ machine: "armv7l" }), "The processor is armv7l"],
    ["musl", factsWith({ libc: "" }), "The C library is not glibc"],
    ["an old glibc", factsWith({ libc: "glibc 2.9" }), "glibc is 2.9; 2.28 or newer"],
    ["no systemd", factsWithout("systemd"), "systemd does not run this machine"],
    ["an old systemd", factsWith({ systemd: 244 }), "systemd is 244; 245 or newer"],
    ["missing programs", factsWith({ missingTools: ["ss", "tar"] }), "missing: ss, tar. Install"],
    ["no Docker", factsWithout("docker", "compose", "buildx"), "Docker is not installed"],
    ["a silent Docker", factsWith({ docker: "silent" }), "does not answer. Start it: systemctl"],
    ["an old Docker", factsWith({ docker: "20.10.24+dfsg1" }), "Docker is 20.10.24+dfsg1; 24 or"],
    ["a nonsense Docker", factsWith({ docker: "dev" }), "Docker is dev; 24 or newer"],
    ["a rootless Docker", factsWith({ rootless: true }), "Docker runs rootless"],
    ["no Compose", factsWithout("compose"), "Docker Compose is missing. Install"],
    ["an old Compose", factsWith({ compose: "v2.19.1" }), "Docker Compose is v2.19.1; 2.20.0"],
    ["no buildx", factsWithout("buildx"), "buildx is missing. Install"],
    ["a folder without rights", factsWith({ unwritable: "/srv" }), "/srv can't be written to"],
    ["a full disk", factsWith({ diskMegabytes: 2_047 }), "disk of /srv/chatalot has 2047 MB free"],
    ["Docker's full disk", factsWith({ dockerDiskMegabytes: 0 }), "Docker's folder has 0 MB free"],
    [
      "a used port",
      factsWith({ sockets: [socket("127.0.0.1:8080")] }),
      "used by nginx (process 7)",
    ],
    ["a port of nobody known", factsWith({ sockets: [socket("*:8080", "")] }), "another program"],
    ["a port on all addresses", factsWith({ sockets: [socket("[::]:8080")] }), "Port 8080 is used"],
    ["a port of an interface", factsWith({ sockets: [socket("127.0.0.1%lo:8080")] }), "Port 8080"],
  ];
  for (const [what, facts, text] of table) {
    it(`names ${what}, and nothing else`, () => {
      const failures = hostFailures(facts, needs);
      expect(failures).to.have.length(1);
      expect(failures[0]).to.include(text);
    });
  }

  it("names everything at once", () => {
    const nothing = hostFailures(parseHostFacts(""), needs);
    for (const text of ["system", "processor", "C library", "systemd", "Docker", "disk"])
      expect(nothing.join("\n")).to.include(text);
  });

  it("takes a free port: its own, or one on another address", () => {
    for (const facts of [
      factsWith({ sockets: [socket("0.0.0.0:8080")], publishesPort: true }),
      factsWith({ sockets: [socket("192.0.2.1:8080")] }),
      factsWith({ sockets: [socket("[::1]:8080")] }),
    ])
      expect(hostFailures(facts, needs)).to.deep.equal([]);
  });

  it("refuses a port on one address where it is wanted on all", () => {
    const listen = { address: "0.0.0.0", port: 8080 };
    const facts = factsWith({ sockets: [socket("192.0.2.1:8080")] });
    expect(hostFailures(facts, { ...needs, listen })).to.have.length(1);
  });

  it("takes a server without Docker where that will be installed", () => {
    const facts = factsWithout("docker", "compose", "buildx");
    expect(hostFailures(facts, { ...needs, prepareServer: true })).to.deep.equal([]);
  });
});

describe("hostFailures through the runner", () => {
  const here = { ...needs, buildPlace: "here" as const };

  it("names an image that could not be sent, before it is built", () => {
    const [failure] = hostFailures(factsWith({ allowances: [] }), here);
    expect(failure).to.contain('"send-images"').and.to.contain("buildOn server");
    const facts = parseHostFacts(`${readyFacts()}runnerAnswers=yes\nallowance=send-images\n`);
    expect(hostFailures(facts, here)).to.deep.equal([]);
    expect(hostFailures(factsWith({ allowances: [] }), needs)).to.deep.equal([]);
    expect(hostFailures(factsWith({}), here)).to.deep.equal([]);
  });
});

describe("hostWarnings", () => {
  it("warns of too little memory for a build", () => {
    const [warning = ""] = hostWarnings(factsWith({ memoryMegabytes: 960 }), needs);
    expect(warning).to.include("960 MB of memory");
    expect(warning).to.include("pulumi config set image auto");
    expect(warning).to.include("pulumi config set buildOn here");
    expect(hostWarnings(factsWith({}), needs)).to.deep.equal([]);
  });

  it("warns of too little disk for a build", () => {
    const facts = factsWith({ dockerDiskMegabytes: 9_000 });
    expect(hostWarnings(facts, needs).join()).to.include("9000 MB of free disk");
  });

  it("says nothing where the server builds nothing", () => {
    const small = factsWith({ memoryMegabytes: 960, dockerDiskMegabytes: 9_000 });
    for (const buildPlace of ["here", "nowhere"] as const)
      expect(hostWarnings(small, { ...needs, buildPlace })).to.deep.equal([]);
  });

  for (const address of ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])
    it(`names the risk of all addresses, as ${address}`, () => {
      const listen = { address, port: 3000 };
      const [warning, ...others] = hostWarnings(factsWith({}), { ...needs, listen });
      expect(others).to.deep.equal([]);
      expect(warning).to.include(`"listen.address" is ${address}: port 3000 is open to everybody`);
    });
});
