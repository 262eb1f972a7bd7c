import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { docker } from "../../demo/commands.ts";
import { ensureBaseImages } from "../../demo/images/index.ts";

/** A PostgreSQL of the image that the sample's compose file names, in memory. */
export class PostgresContainer {
  private constructor(
    readonly id: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<PostgresContainer> {
    const { postgres } = await ensureBaseImages(() => undefined);
    const started = await docker(
      "start PostgreSQL",
      [
        ...["run", "--detach", "--rm", "--tmpfs=/var/lib/postgresql/data"],
        ...["--env=POSTGRES_PASSWORD=secret", "--env=POSTGRES_USER=chatalot"],
        ...["--publish=127.0.0.1::5432", postgres.reference],
      ],
      { timeout: 60_000 },
    );
    const id = started.stdout.trim();
    const shown = await docker("read PostgreSQL's port", ["port", id, "5432/tcp"], {
      timeout: 30_000,
    });
    const container = new PostgresContainer(id, Number(shown.stdout.trim().split(":").at(-1)));
    await container.#ready();
    return container;
  }

  url(database: string): string {
    return `postgres://chatalot:secret@127.0.0.1:${this.port}/${database}`;
  }

  async query(database: string, text: string): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.url(database) });
    client.on("error", () => undefined);
    await client.connect();
    try {
      const result = await client.query<Record<string, unknown>>(text);
      return result.rows;
    } finally {
      await client.end();
    }
  }

  /** Freezes PostgreSQL, or lets it go on: connections stay open and nothing is answered. */
  async freeze(isFrozen: boolean): Promise<void> {
    await docker("freeze PostgreSQL", [isFrozen ? "pause" : "unpause", this.id], {
      timeout: 30_000,
    });
  }

  async remove(): Promise<void> {
    await docker("remove PostgreSQL", ["rm", "--force", "--volumes", this.id], { timeout: 60_000 });
  }

  async #ready(): Promise<void> {
    for (let attempt = 0; attempt < 1_500; attempt += 1) {
      const rows = await this.query("postgres", "SELECT 1").catch(() => undefined);
      if (rows !== undefined) return;
      await sleep(200);
    }
    throw new Error("PostgreSQL did not start");
  }
}
