import { WebSocketServer } from "ws";
import type { Server } from "node:http";
import type { Database } from "./database.ts";
import { HttpError, readFields, sendJson, type Call, type Route } from "./http.ts";
import type { Settings } from "./settings.ts";

interface Row {
  id: string;
  author: string;
  text: string;
  created_at: Date;
}

/** Messages: written, read and counted over HTTP, and sent to everyone who listens on /ws. */
export class Messages {
  readonly routes: Route[] = [
    { method: "POST", path: /^\/api\/messages$/, handle: (call) => this.#write(call) },
    { method: "GET", path: /^\/api\/messages$/, handle: (call) => this.#read(call) },
    { method: "GET", path: /^\/api\/messages\/count$/, handle: (call) => this.#count(call) },
  ];
  readonly #sockets = new WebSocketServer({ noServer: true });

  constructor(
    private readonly database: Database,
    private readonly settings: Settings,
  ) {}

  /** Takes over the requests for a WebSocket on /ws. */
  listenOn(server: Server): void {
    server.on("upgrade", (request, socket, head) => {
      if (request.url !== "/ws") return socket.destroy();
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        client.on("error", () => client.terminate());
      });
    });
  }

  /** Ends every WebSocket, telling the clients that the server goes away. */
  close(): void {
    for (const client of this.#sockets.clients) client.close(1001);
    this.#sockets.close();
  }

  async #write({ request, response }: Call): Promise<void> {
    const { author, text } = await readFields(request);
    if (!author || !text) throw new HttpError(400, '"author" and "text" are required');
    if (text.length > this.settings.maximumMessageLength) throw new HttpError(400, "too long");
    // Answered when it is committed: what was acknowledged is never lost.
    const row = await this.database.use(async (client) => {
      const inserted = await client.query<Row>(
        "INSERT INTO messages (author, text) VALUES ($1, $2) RETURNING id, author, text, created_at",
        [author, text],
      );
      return inserted.rows[0];
    });
    if (row === undefined) throw new Error("no row was inserted");
    const message = toMessage(row);
    sendJson(response, 201, message);
    for (const client of this.#sockets.clients) {
      client.send(JSON.stringify({ type: "message", message }));
    }
  }

  async #read({ url, response }: Call): Promise<void> {
    const after = Number(url.searchParams.get("after") ?? 0);
    if (!Number.isSafeInteger(after)) throw new HttpError(400, '"after" must be an id');
    const rows = await this.database.use(async (client) => {
      const found = await client.query<Row>(
        "SELECT id, author, text, created_at FROM messages WHERE id > $1 ORDER BY id LIMIT 1000",
        [after],
      );
      return found.rows;
    });
    sendJson(response, 200, { messages: rows.map(toMessage) });
  }

  async #count({ response }: Call): Promise<void> {
    const count = await this.database.use(async (client) => {
      const found = await client.query<{ count: string }>("SELECT count(*) FROM messages");
      return Number(found.rows[0]?.count);
    });
    sendJson(response, 200, { count });
  }
}

function toMessage(row: Row): { id: number; author: string; text: string; createdAt: Date } {
  return { id: Number(row.id), author: row.author, text: row.text, createdAt: row.created_at };
}
