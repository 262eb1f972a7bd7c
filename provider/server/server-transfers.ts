/** What is sent to a server beside requests: a release's tree and images. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { isReachedByRunner } from "../../common/runner-rule.ts";
import { uploadFile } from "../../transport/index.ts";
import { archivePath } from "../../updater/archive-path.ts";
import { instancePaths } from "../../updater/paths.ts";
import type { ArchiveRequest } from "../../updater/runner/protocol.ts";
import type { RemoteServer } from "./remote-server.ts";
import { followed } from "./runner-access.ts";

const ARCHIVE_TIMEOUT = 30 * 60_000;

/** An image of some hundred megabytes over a slow line. */
const LOAD_TIMEOUT = 2 * 3_600_000;

const QUESTION_TIMEOUT = 45_000;

/** Sends a release's tree to where the prepare job takes it from. */
export async function sendArchive(
  server: RemoteServer,
  archive: { path: string; sha256: string; size: number },
): Promise<void> {
  const { transport, place } = server;
  const { directory } = place;
  if (isReachedByRunner(place)) {
    const { path, sha256, size } = archive;
    const request: ArchiveRequest = { directory, sha256, size };
    const line = Buffer.from(`${JSON.stringify(request)}\n`);
    await server.call(
      "send the release's tree",
      { verb: "receive-archive" },
      { stdin: Readable.from(followed(line, createReadStream(path))), timeout: ARCHIVE_TIMEOUT },
    );
    return;
  }
  const { incoming, state } = instancePaths(directory);
  await transport.run(
    "make the folder for releases",
    ["install", "--directory", "--mode=700", state, incoming],
    { timeout: 30_000 },
  );
  await uploadFile(transport, {
    content: { file: archive.path },
    destination: archivePath(incoming, archive.sha256),
    sha256: archive.sha256,
    mode: 0o600,
    timeout: ARCHIVE_TIMEOUT,
  });
}

/** Loads images that were saved by `docker save`; the stream may be packed by gzip. */
export async function loadImages(
  server: RemoteServer,
  images: Readable,
  signal: AbortSignal,
): Promise<void> {
  const options = { stdin: images, timeout: LOAD_TIMEOUT, signal };
  if (isReachedByRunner(server.place))
    await server.call("load the image", { verb: "load-images" }, options);
  else await server.transport.run("load the image", ["docker", "load", "--quiet"], options);
}

/** What tells the server's Docker from every other. */
export async function dockerIdOf(server: RemoteServer): Promise<string> {
  const argv = ["docker", "info", "--format", "{{.ID}}"];
  const options = { timeout: QUESTION_TIMEOUT };
  const { stdout } = isReachedByRunner(server.place)
    ? await server.call("ask for Docker's id", { verb: "docker-id" }, options)
    : await server.transport.run("ask for Docker's id", argv, options);
  return stdout.trim();
}
