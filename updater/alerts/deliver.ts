/** Brings a message to who is to be told. No error names the webhook's address: it is a password. */
import { messageOf } from "../../common/errors.ts";
import { command } from "../command.ts";
import { nameExists } from "../files.ts";
import type { AlertSettings } from "./protocol.ts";

/** A message: its subject is plain ASCII, its text is for people. */
export interface Letter {
  subject: string;
  text: string;
  /** For programs. */
  facts: Record<string, unknown>;
}

/** For one message over one way, in milliseconds. */
const TIMEOUT = 20_000;

/** The program that every mail server for Unix brings. */
export const SENDMAIL = "/usr/sbin/sendmail";

/** Discord takes 2,000 characters. */
const MAXIMUM_TEXT = 1_900;

/** @returns what went wrong, by each way that failed; none where all went well */
export async function deliver(settings: AlertSettings, letter: Letter): Promise<string[]> {
  const ways: [string, Promise<void>][] = [];
  if (settings.webhook !== undefined) ways.push(["webhook", post(settings.webhook, letter)]);
  if (settings.mail !== undefined)
    ways.push([`mail to ${settings.mail}`, send(settings.mail, letter)]);
  const results = await Promise.allSettled(ways.map(([, sent]) => sent));
  return results.flatMap((result, index) =>
    result.status === "fulfilled" ? [] : [`${ways[index]?.[0]}: ${messageOf(result.reason)}`],
  );
}

/** How alerts are sent, in words. */
export function channelsOf({ webhook, mail }: AlertSettings): string[] {
  return [
    ...(webhook === undefined ? [] : ["webhook"]),
    ...(mail === undefined ? [] : [`mail to ${mail}`]),
  ];
}

/** Why what is asked for could never be sent from this server. */
export async function channelProblems({ mail }: Pick<AlertSettings, "mail">): Promise<string[]> {
  if (mail === undefined || (await nameExists(SENDMAIL))) return [];
  return [
    `The server can't send mail: it has no ${SENDMAIL}. Install one that sends through your mail ` +
      'provider, such as Debian\'s "msmtp-mta", or use alerts.webhook instead.',
  ];
}

/** `text` is what Slack, Mattermost and Rocket.Chat show, `content` what Discord does. */
async function post(webhook: string, { text, facts }: Letter): Promise<void> {
  const short = text.length <= MAXIMUM_TEXT ? text : `${text.slice(0, MAXIMUM_TEXT)}...`;
  let response: Response;
  try {
    response = await fetch(webhook, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "chatalot-deploy" },
      body: JSON.stringify({ text: short, content: short, ...facts }),
      // It would send the message, and the address with it, to somebody else.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch (error) {
    throw new Error(causeOf(error));
  }
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answered with HTTP status ${response.status}`);
}

/** A network error's code; its text may have the address in it. */
function causeOf(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError")
    return `no answer within ${TIMEOUT / 1000} seconds`;
  const { code } = ((error as Error).cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? `it can't be reached (${code})` : "it can't be reached";
}

async function send(mail: string, { subject, text }: Letter): Promise<void> {
  const lines = [
    `To: ${mail}`,
    `Subject: ${subject}`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    text,
    "",
  ];
  await command("send mail", [SENDMAIL, "-i", "-t"], {
    stdin: lines.join("\n"),
    timeout: TIMEOUT,
  });
}
