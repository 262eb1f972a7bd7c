/** How long the public address's certificate is still good for. */
import { connect } from "node:tls";

/** Who renews by a program does so a month before the end: then the program has failed for two weeks. */
const DAYS = 14;

/** For the connection and the handshake, in milliseconds. */
const TIMEOUT = 10_000;

/** `unknown`: the address doesn't answer from the server itself, as behind some routers. */
export type Certificate = { state: "good" | "unknown" } | { state: "bad"; problem: string };

export async function certificateProblem(url: string, now: Date): Promise<Certificate> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "https:") return { state: "good" };
  const host = hostname.replace(/^\[|\]$/g, "");
  const end = await endOfCertificate(host, port === "" ? 443 : Number(port));
  if (end === undefined) return { state: "unknown" };
  const days = (end.getTime() - now.getTime()) / 86_400_000;
  if (days >= DAYS) return { state: "good" };
  const problem =
    days < 0
      ? `the certificate of ${url} expired on ${end.toISOString()}`
      : `the certificate of ${url} expires on ${end.toISOString()}, in ${Math.floor(days)} days`;
  return { state: "bad", problem };
}

function endOfCertificate(host: string, port: number): Promise<Date | undefined> {
  return new Promise((resolve) => {
    // Whether it is trusted is the browsers' business; here only its end counts, also of an expired one.
    const socket = connect({ host, port, servername: host, rejectUnauthorized: false });
    const finish = (end?: Date): void => {
      socket.destroy();
      resolve(end);
    };
    socket.setTimeout(TIMEOUT, () => finish());
    socket.on("error", () => finish());
    socket.on("secureConnect", () => {
      const end = new Date(socket.getPeerCertificate().valid_to);
      finish(Number.isNaN(end.getTime()) ? undefined : end);
    });
  });
}
