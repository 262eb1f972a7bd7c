import { setTimeout as sleep } from "node:timers/promises";
import { Pool, type PoolClient } from "pg";

/** How long a request waits for a connection before it is told that there is none. */
const ACQUIRE_TIMEOUT = 5_000;

/** No connection could be had in time. */
export class DatabaseUnavailable extends Error {
  override readonly name = "DatabaseUnavailable";
}

/**
 * Connections to PostgreSQL. A database that is away or frozen makes every use wait for five
 * seconds and then fail; when it is back, so are the uses, without a restart.
 */
export class Database {
  readonly #pool: Pool;

  constructor(url: string) {
    this.#pool = new Pool({
      connectionString: url,
      max: 10,
      connectionTimeoutMillis: ACQUIRE_TIMEOUT,
    });
    // A lost connection is found by the next use; without listeners it would end the process.
    this.#pool.on("error", () => undefined);
    this.#pool.on("connect", (client) => client.on("error", () => undefined));
  }

  /** Runs queries on one connection that has just proven to be alive. */
  async use<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#acquire();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  async #acquire(): Promise<PoolClient> {
    const deadline = Date.now() + ACQUIRE_TIMEOUT;
    for (;;) {
      const client = await this.#tryOnce(deadline);
      if (client !== undefined) return client;
      if (Date.now() >= deadline)
        throw new DatabaseUnavailable("timed out waiting for a connection");
      await sleep(Math.max(1, Math.min(100, deadline - Date.now())));
    }
  }

  async #tryOnce(deadline: number): Promise<PoolClient | undefined> {
    let abandoned = false;
    const connecting = this.#pool.connect().then((client) => {
      if (abandoned) client.release();
      return client;
    });
    const client = await within(deadline, connecting);
    if (client === undefined) {
      abandoned = true;
      return undefined;
    }
    if ((await within(deadline, client.query("SELECT 1"))) !== undefined) return client;
    client.release(true);
    return undefined;
  }
}

/** The promise's value, or undefined where it fails or is not there by the deadline. */
async function within<Value>(
  deadline: number,
  promise: Promise<Value>,
): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, deadline - Date.now()));
  });
  try {
    return await Promise.race([promise.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
