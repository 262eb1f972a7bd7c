/**
 * Puts the updater and, where needed, its runtime on a server: owned by root, in folders named by
 * their SHA-256, never written over, so that a job that runs keeps the programs it began with.
 */
import { createReadStream } from "node:fs";
import { posix } from "node:path";
import semver from "semver";
import { type Transport, uploadFile } from "../../transport/index.ts";
import { type HostFacts, RUNNERS_DIRECTORY } from "./host-facts.ts";
import { nodeRuntime } from "./node-runtime.ts";
import { updaterBundle } from "./updater-bundle.ts";

const OLDEST_NODE = "20.19.0";

export interface Runner {
  node: string;
  updater: string;
}

/** Arguments: destination, digest of what is unpacked. Reads a gzip stream. */
const UNPACK = `
set -eu
umask 022
destination=$1 expected=$2
directory=$(dirname -- "$destination")
temporary=$(mktemp -- "$directory/.unpack.XXXXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
gzip --decompress --stdout > "$temporary"
set -- $(sha256sum < "$temporary")
test "$1" = "$expected"
chmod 755 -- "$temporary"
sync -- "$temporary"
mv -f -T -- "$temporary" "$destination"
sync -- "$directory"
`;

/** The programs of this version, where they are on the server already. */
export async function installedRunner(facts: HostFacts): Promise<Runner | undefined> {
  const updater = updaterPath((await updaterBundle()).sha256);
  if (!facts.runners.includes(updater)) return undefined;
  const node = ownNode(facts) ?? facts.runners.find((path) => posix.basename(path) === "node");
  return node === undefined ? undefined : { node, updater };
}

/** Puts there what is missing. */
export async function installRunner(
  transport: Transport,
  facts: HostFacts,
  tell: (text: string) => void,
): Promise<Runner> {
  const bundle = await updaterBundle();
  const updater = updaterPath(bundle.sha256);
  if (!facts.runners.includes(updater)) {
    tell("sending the updater");
    await makeDirectory(transport, posix.dirname(updater));
    await uploadFile(transport, {
      content: bundle.content,
      destination: updater,
      mode: 0o644,
      timeout: 120_000,
    });
  }
  const node = ownNode(facts) ?? (await installNode(transport, facts, tell));
  return { node, updater };
}

async function installNode(
  transport: Transport,
  facts: HostFacts,
  tell: (text: string) => void,
): Promise<string> {
  const runtime = await nodeRuntime(facts.machine, tell);
  const node = posix.join(RUNNERS_DIRECTORY, runtime.sha256, "node");
  if (facts.runners.includes(node)) return node;
  tell("sending Node, once: the server has none of 20.19 or newer");
  await makeDirectory(transport, posix.dirname(node));
  await transport.run("unpack Node", ["sh", "-c", UNPACK, "unpack", node, runtime.sha256], {
    stdin: createReadStream(runtime.file),
    timeout: 600_000,
  });
  return node;
}

async function makeDirectory(transport: Transport, path: string): Promise<void> {
  await transport.run(
    "make the updater's folder",
    [
      "install",
      "--directory",
      "--owner=root",
      "--group=root",
      "--mode=755",
      RUNNERS_DIRECTORY,
      path,
    ],
    { timeout: 30_000 },
  );
}

function ownNode({ node }: HostFacts): string | undefined {
  return node?.isRoots === true && semver.gte(node.version, OLDEST_NODE) ? node.path : undefined;
}

/** Where an updater lies, by the digest of its bundle. */
export function updaterPath(sha256: string): string {
  return posix.join(RUNNERS_DIRECTORY, sha256, "updater.mjs");
}
