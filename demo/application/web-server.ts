import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { DatabaseUnavailable } from "./database.ts";
import { HttpError, sendJson, type Route } from "./http.ts";
import { log } from "./log.ts";
import { RateLimit } from "./rate-limit.ts";

/** Requests that are still being answered get this long when the server stops. */
const STOP_WITHIN = 5_000;

/** The HTTP side: routes, the limit per address, one log line per request, and a graceful stop. */
export class WebServer {
  readonly server: Server;
  readonly #everything = new RateLimit(20, 50);
  readonly #signIns = new RateLimit(5, 10);

  constructor(private readonly routes: readonly Route[]) {
    this.server = createServer((request, response) => {
      void this.#answer(request, response);
    });
  }

  async listen(port: number, host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(port, host, resolve);
    });
  }

  /** Accepts nothing new, and resolves when what was accepted has been answered. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const idle = setInterval(() => this.server.closeIdleConnections(), 10);
    const late = setTimeout(() => this.server.closeAllConnections(), STOP_WITHIN);
    await closed;
    clearInterval(idle);
    clearTimeout(late);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = Date.now();
    const url = new URL(request.url ?? "/", "http://server");
    response.on("close", () => {
      const status = response.writableFinished ? response.statusCode : "aborted";
      const took = Date.now() - startedAt;
      log("INFO", `${request.method ?? ""} ${url.pathname} status=${status} latency=${took} ms`);
    });
    try {
      await this.#dispatch(request, response, url);
    } catch (error) {
      this.#answerFailure(response, error);
    }
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const address = request.socket.remoteAddress ?? "";
    const route = this.routes.find(
      (route) => route.method === request.method && route.path.test(url.pathname),
    );
    const isAdmitted =
      this.#everything.admits(address) &&
      (route?.isSignIn !== true || this.#signIns.admits(address));
    if (!isAdmitted) throw new HttpError(429, "too many requests");
    if (route === undefined) throw new HttpError(404, "not found");
    const parameter = route.path.exec(url.pathname)?.[1] ?? "";
    await route.handle({ request, response, url, parameter });
  }

  #answerFailure(response: ServerResponse, error: unknown): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error instanceof HttpError)
      return sendJson(response, error.status, { error: error.message });
    log("ERROR", error instanceof Error ? error.message : String(error));
    const status = error instanceof DatabaseUnavailable ? 503 : 500;
    sendJson(response, status, { error: "internal error" });
  }
}
