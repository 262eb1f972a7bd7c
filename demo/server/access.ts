import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { docker, run } from "../commands.ts";

/** The operator's side of SSH: a key pair of the demo's own, and the host keys it trusts. */
export interface Access {
  identityFile: string;
  knownHostsFile: string;
  publicKey: string;
}

/** Makes the key pair unless it is there. */
export async function ensureAccess(directory: string): Promise<Access> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const identityFile = join(directory, "id_ed25519");
  if ((await stat(identityFile).catch(() => undefined)) === undefined) {
    await run(
      "make a key pair for the demo",
      ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "chatalot-demo", "-f", identityFile],
      { timeout: 30_000 },
    );
  }
  const shown = await run("read the demo's public key", ["ssh-keygen", "-y", "-f", identityFile], {
    timeout: 30_000,
  });
  return {
    identityFile,
    knownHostsFile: join(directory, "known_hosts"),
    publicKey: shown.stdout.trim(),
  };
}

/** Lets the key pair in as root and as `deployer`, who may become root without a password. */
export async function letIn(container: string, publicKey: string): Promise<void> {
  const script =
    "cat > /root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys && " +
    "install -m 600 -o deployer -g deployer /root/.ssh/authorized_keys /home/deployer/.ssh/";
  await docker("put the key on the demo server", ["exec", "-i", container, "sh", "-c", script], {
    timeout: 30_000,
    input: `${publicKey}\n`,
  });
}

/** Trusts the server's host key under both of its addresses, and nothing else. */
export async function writeKnownHosts(
  file: string,
  hostKey: string,
  address: string,
  port: number,
): Promise<void> {
  await writeFile(file, `[127.0.0.1]:${port} ${hostKey}\n${address} ${hostKey}\n`);
}
