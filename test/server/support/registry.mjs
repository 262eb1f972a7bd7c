/**
 * A registry that is read only: it serves the OCI layouts (as `docker save` writes them) in the
 * folders beside it, `<image>/<tag>`, as `us/<image>:<tag>`. What was laid over an older image under
 * the same tag is the tag's image from then on; the older one stays under its digest. With a password
 * it is private.
 */
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const [port, password] = process.argv.slice(2);
const allowed = `Basic ${Buffer.from(`reader:${password}`).toString("base64")}`;

async function answer(request, response) {
  response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
  if (request.headers.authorization !== allowed) {
    response.setHeader("WWW-Authenticate", 'Basic realm="registry"');
    return response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  }
  if (request.url === "/v2/") return response.writeHead(200).end("{}");
  const [, image, kind, name] =
    /^\/v2\/us\/([a-z]+)\/(manifests|blobs)\/([\w.:-]+)$/.exec(request.url) ?? [];
  const tags =
    image === undefined
      ? []
      : await readdir(join(folder, image), { withFileTypes: true }).catch(() => []);
  for (const tag of tags.filter((entry) => entry.isDirectory()).map((entry) => entry.name)) {
    const layout = join(folder, image, tag);
    let digest = name;
    if (kind === "manifests" && name === tag)
      digest = JSON.parse(await readFile(join(layout, "index.json"), "utf8")).manifests[0].digest;
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) continue;
    const blob = join(layout, "blobs", ...digest.split(":"));
    const found = await stat(blob).catch(() => undefined);
    if (found === undefined) continue;
    const type =
      kind === "manifests"
        ? "application/vnd.oci.image.manifest.v1+json"
        : "application/octet-stream";
    response.writeHead(200, {
      "Content-Type": type,
      "Content-Length": found.size,
      "Docker-Content-Digest": digest,
    });
    return request.method === "HEAD" ? response.end() : createReadStream(blob).pipe(response);
  }
  const code = kind === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN";
  return response.writeHead(404).end(JSON.stringify({ errors: [{ code, message: "not found" }] }));
}

createServer((request, response) => void answer(request, response)).listen(
  Number(port),
  "127.0.0.1",
);
