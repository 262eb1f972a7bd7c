import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { execa } from "execa";
import { withLock } from "../../toolchain/lock.ts";

export const SSHD = "/usr/sbin/sshd";

const PACKAGE = "openssh-server";

/**
 * Makes sure that sshd can be started: tests of the connection without a server would prove nothing.
 *
 * Its installation may renew ssh as well, so the run of the tests does it before the first of them; where a
 * file is run by itself, it does. Files run beside each other, so one of them installs and the others wait.
 */
export async function ensureSshd(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("these tests start sshd: run them as root");
  const lock = { what: `installs ${PACKAGE}`, waitSeconds: 600, report: () => undefined };
  if (!(await isThere()))
    await withLock("sshd", lock, async () => {
      if (!(await isThere())) await install();
    });
  // Where sshd drops its rights; a package that was never started hasn't made it.
  await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
}

/** The program alone may be half an installation: its user is made at the end of it. */
async function isThere(): Promise<boolean> {
  if (!existsSync(SSHD)) return false;
  const { exitCode } = await execa("getent", ["passwd", "sshd"], { reject: false });
  return exitCode === 0;
}

async function install(): Promise<void> {
  const options = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
  for (const argv of [["update"], ["install", PACKAGE]]) {
    const { failed, all, exitCode } = await execa("apt-get", [...options, ...argv], {
      env: { DEBIAN_FRONTEND: "noninteractive" },
      timeout: 300_000,
      reject: false,
      all: true,
    });
    if (failed)
      throw new Error(
        `${SSHD} is missing and \`apt-get ${argv.join(" ")}\` ended with ${exitCode}: ${all}`,
      );
  }
}
