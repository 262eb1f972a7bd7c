import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { HealthAnswer } from "../../protocol.ts";
import { messageOf } from "../../../common/errors.ts";

/** The port inside the container. */
export const SERVER_PORT = 8080;

/**
 * Longer than the 5.0 seconds after which the server answers "degraded" with its database away
 * (measured): a shorter limit could not tell degraded from dead.
 */
const PROBE_TIMEOUT = 8_000;

/** The real answer has about 80 bytes. */
const MAXIMUM_BODY = 64 * 1024;

/** Asks /api/health. The HTTP status says nothing (it is 200 when the database is down), the body does. */
export async function probeHealth(origin: string): Promise<HealthAnswer> {
  let status: number;
  let body: string;
  try {
    ({ status, body } = await get(`${origin}/api/health`));
  } catch (error) {
    return { reachable: false, problem: causeOf(error) };
  }
  // The rate limit is per client address: an answer, but one without facts.
  if (status === 429) return { reachable: true, httpStatus: status, problem: "too many requests" };
  if (status !== 200)
    return { reachable: true, httpStatus: status, problem: `HTTP status ${status}` };
  const answer = parseHealth(body);
  return answer === undefined
    ? {
        reachable: true,
        httpStatus: status,
        problem: "the answer is not Chatalot's health document",
      }
    : { reachable: true, httpStatus: status, ...answer };
}

/** The version of the web client that is served; undefined where there is none to read. */
export async function probeWebVersion(origin: string): Promise<string | undefined> {
  try {
    const { status, body } = await get(`${origin}/version.json`);
    const parsed: unknown = status === 200 ? JSON.parse(body) : undefined;
    const version = (parsed as { version?: unknown } | undefined)?.version;
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}

/** The facts of a health document; undefined when it is something else. */
export function parseHealth(
  body: string,
): Pick<HealthAnswer, "status" | "version" | "databaseHealthy" | "uptimeSeconds"> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (parsed === null || typeof parsed !== "object") return undefined;
  const { status, version, db_healthy, uptime_secs } = parsed as Record<string, unknown>;
  if (typeof status !== "string" || typeof version !== "string" || typeof db_healthy !== "boolean")
    return undefined;
  return {
    status: status.slice(0, 100),
    version: version.slice(0, 100),
    databaseHealthy: db_healthy,
    ...(typeof uptime_secs === "number" ? { uptimeSeconds: uptime_secs } : {}),
  };
}

/** By Node's own client: loading `fetch` takes longer than all that is asked of the server (measured). */
async function get(url: string): Promise<{ status: number; body: string }> {
  const asked = request(url, { agent: false, signal: AbortSignal.timeout(PROBE_TIMEOUT) }).end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > MAXIMUM_BODY) throw new Error(`an answer of more than ${MAXIMUM_BODY} bytes`);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") };
}

function causeOf(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "nothing listens yet";
  if (name === "AbortError") return `no answer in ${PROBE_TIMEOUT / 1_000} seconds`;
  return code ?? messageOf(error);
}
