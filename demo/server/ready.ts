import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../common/errors.ts";
import { docker, run, type Outcome } from "../commands.ts";

/** Repeats a question until it gives an answer. */
export async function waitFor<Answer>(
  what: string,
  timeout: number,
  ask: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() >= deadline) {
      throw new UserError(`The demo server did not start: no ${what} after ${timeout / 1_000} s.`);
    }
    await sleep(200);
  }
}

/** Resolves when systemd has started what it starts at boot; one failed unit does not matter. */
export async function waitForSystemd(container: string): Promise<void> {
  await waitFor("systemd", 120_000, async () => {
    const state = await ask(container, ["systemctl", "is-system-running"]);
    return /^(running|degraded)$/.test(state.stdout.trim()) ? true : undefined;
  });
}

/** Resolves when the server's own docker daemon answers. */
export async function waitForDocker(container: string): Promise<void> {
  await waitFor("docker daemon", 120_000, async () => {
    const info = await ask(container, ["docker", "info", "--format", "{{.ServerVersion}}"]);
    return info.exitCode === 0 && info.stdout.trim() !== "" ? true : undefined;
  });
}

/**
 * The server's public host key, read past SSH: that is what makes it trustworthy.
 *
 * @returns `ssh-ed25519 AAAA…`
 */
export async function readHostKey(container: string): Promise<string> {
  return waitFor("host key", 60_000, async () => {
    const file = await ask(container, ["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]);
    const [type, key] = file.stdout.trim().split(" ");
    return type === "ssh-ed25519" && key !== undefined ? `${type} ${key}` : undefined;
  });
}

/** Resolves when the operator's key opens the server over SSH, with its host key checked. */
export async function waitForSsh(
  port: number,
  identity: string,
  knownHosts: string,
): Promise<void> {
  await waitFor("SSH", 60_000, async () => {
    const tried = await run(
      "log in to the demo server",
      [
        "ssh",
        ...["-F", "none", "-p", String(port), "-i", identity],
        ...["-o", `UserKnownHostsFile="${knownHosts}"`, "-o", "GlobalKnownHostsFile=none"],
        ...["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"],
        ...["-o", "ConnectTimeout=5", "root@127.0.0.1", "true"],
      ],
      { timeout: 15_000, acceptedExitCodes: [0, 255] },
    );
    return tried.exitCode === 0 ? true : undefined;
  });
}

async function ask(container: string, argv: readonly string[]): Promise<Outcome> {
  return docker("ask the demo server", ["exec", container, ...argv], {
    timeout: 30_000,
    acceptedExitCodes: [0, 1, 2, 3, 4, 125, 126, 127, 137, 255],
  });
}
