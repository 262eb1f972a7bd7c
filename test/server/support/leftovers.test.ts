import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { LEFTOVERS } from "./leftovers.ts";

/** What the programs of a clean server say; their files are this machine's own. */
const CLEAN = {
  docker: 'case "$1" in compose) echo v2;; esac',
  systemctl: "case $1 in is-enabled) echo enabled;; esac",
  iptables: "echo '-P INPUT ACCEPT'",
  findmnt: "printf '%s\\n' /run /tmp /var/lib/docker/containers/1a/mounts/shm",
};

const FAULTS: readonly [string, Partial<typeof CLEAN>, string][] = [
  ["a container", { docker: "echo 'the container chatalot-db'" }, "the container chatalot-db"],
  ["no Docker Compose", { docker: "exit 1" }, "no Docker Compose"],
  ["a masked Docker", { systemctl: "echo masked" }, "a masked Docker"],
  ["a stopped sshd", { systemctl: "exit 3" }, "a stopped sshd"],
  [
    "a port that is closed",
    { iptables: "echo '-A INPUT -p tcp -m tcp --dport 22 -j DROP'" },
    "-A INPUT -p tcp -m tcp --dport 22 -j DROP",
  ],
  [
    "a small disk",
    { findmnt: "printf '%s\\n' /run /srv/chatalot/backups" },
    "a small disk on /srv/chatalot/backups",
  ],
  [
    "a small disk for Docker",
    { findmnt: "echo /var/lib/docker" },
    "a small disk on /var/lib/docker",
  ],
];

describe("what is left on a server", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "leftovers-test-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is nothing on a clean one", async () => {
    expect(await leftovers({})).to.deep.equal([]);
  });

  for (const [name, programs, told] of FAULTS)
    it(`is told: ${name}`, async () => {
      expect(await leftovers(programs)).to.include(told);
    });

  async function leftovers(others: Partial<typeof CLEAN>): Promise<string[]> {
    for (const [name, script] of Object.entries({ ...CLEAN, ...others }))
      await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH ?? ""}` };
    const { stdout } = await execa("sh", ["-c", LEFTOVERS], { env });
    return stdout.split("\n").filter((line) => line !== "" && !line.startsWith("/"));
  }
});
