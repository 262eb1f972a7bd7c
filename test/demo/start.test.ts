import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { execa } from "execa";
import { alone } from "../../demo/alone.ts";
import { useOwnCache } from "../support/own-cache.ts";

/** All that a lock needs: without Docker, nothing can be done to this machine's demo. */
const PROGRAMS = ["flock", "sh", "cat"];

describe("a start or a removal of the demo", () => {
  let programs: string;

  useOwnCache();
  before(async () => {
    programs = await mkdtemp(join(tmpdir(), "start-test-"));
    for (const name of PROGRAMS) {
      const { stdout } = await execa("sh", ["-c", 'command -v "$1"', "sh", name]);
      await symlink(stdout, join(programs, name));
    }
  });
  after(() => rm(programs, { recursive: true }));

  for (const script of ["start.ts", "destroy.ts"])
    it(`waits for another one that is at work, and tells which (${script})`, async () => {
      await alone(
        "is under test",
        () => undefined,
        async () => {
          const file = fileURLToPath(new URL(`../../demo/${script}`, import.meta.url));
          const child = spawn(process.execPath, ["--import", "tsx", file], {
            stdio: ["ignore", "pipe", "inherit"],
            env: { ...process.env, PATH: programs },
          });
          const ended = once(child, "exit");
          const [first] = (await Promise.race([once(child.stdout, "data"), ended])) as unknown[];
          child.kill();
          await ended;
          expect(String(first)).to.contain(
            `Waiting for process ${process.pid}, which is under test`,
          );
        },
      );
    });
});
