import { createHash } from "node:crypto";

/** What a server may sign its connections with, by the type of its key. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  // The name of the key's type stayed when its SHA-1 signatures went.
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** The types of keys that a server may have, the preferred one first. */
export const HOST_KEY_TYPES: readonly string[] = Object.keys(SIGNATURES);

/** For error texts. */
export const HOST_KEY_EXAMPLE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...";

/**
 * A server's public key without its comment, `<type> <base64>`, or undefined where the line isn't
 * one. The type inside the key has to be the one in front of it.
 */
export function parseHostKey(line: string): string | undefined {
  const [type = "", key = ""] = line.trim().split(/[ \t]+/);
  if (!Object.hasOwn(SIGNATURES, type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return undefined;
  const bytes = Buffer.from(key, "base64");
  if (bytes.toString("base64") !== key || bytes.length < 4 + type.length) return undefined;
  const length = bytes.readUInt32BE(0);
  const inside = bytes.subarray(4, 4 + length).toString("latin1");
  return inside === type && bytes.length > 4 + length ? `${type} ${key}` : undefined;
}

/** The key as `ssh-keygen -l` shows it: `SHA256:...`. */
export function fingerprint(hostKey: string): string {
  const [, key = ""] = hostKey.split(" ");
  const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

/**
 * The value of HostKeyAlgorithms for these keys. Without it, a server with keys of several types may
 * show one that isn't among them, and be refused although it has the right one.
 */
export function hostKeyAlgorithms(hostKeys: readonly string[]): string {
  const types = hostKeys.map((hostKey) => hostKey.split(" ")[0] ?? "");
  return [...new Set(types.flatMap((type) => SIGNATURES[type] ?? []))].join(",");
}
