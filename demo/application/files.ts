import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Database } from "./database.ts";
import { HttpError, sendJson, type Call, type Route } from "./http.ts";
import { log } from "./log.ts";
import type { Settings } from "./settings.ts";

interface Row {
  name: string;
  size: string;
}

/** Uploaded files: a row in the database and the bytes in the files' directory. */
export class Files {
  readonly routes: Route[] = [
    { method: "POST", path: /^\/api\/files$/, handle: (call) => this.#upload(call) },
    { method: "GET", path: /^\/api\/files\/([0-9a-f-]{36})$/, handle: (call) => this.#send(call) },
  ];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly settings: Settings,
  ) {}

  /** Looks after the first delay and then regularly for files that no row names. */
  startCleaner(): void {
    const next = (delay: number): void => {
      this.#timer = setTimeout(() => {
        this.#deleteOrphans()
          .catch((error: unknown) => log("ERROR", `file cleanup failed: ${String(error)}`))
          .finally(() => next(this.settings.cleanerIntervalMilliseconds));
      }, delay);
    };
    next(this.settings.cleanerDelayMilliseconds);
  }

  stopCleaner(): void {
    clearTimeout(this.#timer);
  }

  async #upload({ request, response, url }: Call): Promise<void> {
    const id = randomUUID();
    const name = url.searchParams.get("name") ?? "file";
    await mkdir(this.settings.filesDirectory, { recursive: true });
    const partial = join(this.settings.filesDirectory, `${id}.partial`);
    try {
      const { size, sha256 } = await this.#receive(request, partial);
      await rename(partial, join(this.settings.filesDirectory, id));
      await this.database.use((client) =>
        client.query("INSERT INTO files (id, name, size, sha256) VALUES ($1, $2, $3, $4)", [
          id,
          name,
          size,
          sha256,
        ]),
      );
      sendJson(response, 201, { id, name, size, sha256 });
    } finally {
      await rm(partial, { force: true });
    }
  }

  async #receive(
    request: Call["request"],
    path: string,
  ): Promise<{ size: number; sha256: string }> {
    const hash = createHash("sha256");
    const limit = this.settings.maximumFileBytes;
    let size = 0;
    await pipeline(
      request,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          size += chunk.length;
          if (size > limit) throw new HttpError(413, "the file is too large");
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(path),
    );
    const file = await open(path, "r+");
    await file.sync();
    await file.close();
    return { size, sha256: hash.digest("hex") };
  }

  async #send({ response, parameter }: Call): Promise<void> {
    const row = await this.database.use(async (client) => {
      const found = await client.query<Row>("SELECT name, size FROM files WHERE id = $1", [
        parameter,
      ]);
      return found.rows[0];
    });
    if (row === undefined) throw new HttpError(404, "no such file");
    const file = await open(join(this.settings.filesDirectory, parameter)).catch(() => undefined);
    if (file === undefined) throw new HttpError(500, "the file's content is missing");
    await file.close();
    response.writeHead(200, {
      "content-type": "application/octet-stream",
      "content-length": row.size,
      "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(row.name)}`,
    });
    await pipeline(createReadStream(join(this.settings.filesDirectory, parameter)), response);
  }

  async #deleteOrphans(): Promise<void> {
    const names = await readdir(this.settings.filesDirectory).catch(() => []);
    const known = await this.database.use(async (client) => {
      const found = await client.query<{ id: string }>("SELECT id::text FROM files");
      return new Set(found.rows.map((row) => row.id));
    });
    for (const name of names.filter((name) => !known.has(name))) {
      log("INFO", `deleting orphaned file ${name}`);
      await rm(join(this.settings.filesDirectory, name), { force: true, recursive: true });
    }
  }
}
