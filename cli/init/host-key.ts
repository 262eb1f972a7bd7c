/** The operator says that the key which a server shows is the server's own. */
import { UserError } from "../../common/errors.ts";
import {
  describeAddress,
  fingerprint,
  parseHostKey,
  readShownKey,
  type ServerAddress,
  type ShownKey,
} from "../../transport/index.ts";
import { UsageError } from "../exit-codes.ts";
import { type FlagQuestion, type Interview, readFlag } from "./interview.ts";
import { readSetting } from "./setting.ts";
import { yesOrNo } from "./questions.ts";

/** How many characters at the end of the fingerprint have to be typed. */
const ENOUGH = 8;

/** The key of `--host-key`; several lines while a key is being changed. */
export function givenHostKey(interview: Interview): string[] | undefined {
  const { hostKey } = interview.flags;
  if (hostKey === undefined) return undefined;
  return readFlag("hostKey", hostKey, (text) => {
    const { server } = readSetting({ server: { host: "host", hostKey: text } });
    return server?.hostKey;
  });
}

/**
 * The server's key, confirmed: by `--host-key`, by known_hosts, or by the operator who has compared
 * it. Nothing else is taken for a confirmation, `--yes` neither.
 *
 * @throws UserError where the operator's answer is another key
 * @throws ConnectionError where the server shows none
 */
export async function confirmedHostKey(
  interview: Interview,
  address: ServerAddress,
): Promise<string[]> {
  const given = givenHostKey(interview);
  if (given !== undefined) return given;
  const shown = await readShownKey(address);
  const server = describeAddress(address);
  if (shown.known === "same") {
    interview.say(
      `Host key: ${fingerprint(shown.hostKey)}\nYour known_hosts has this very key for ${server}.`,
    );
    // Without a terminal as well: it is what ssh itself would accept.
    const isTaken =
      !interview.isInteractive ||
      (await interview.answer(
        yesOrNo("Take it", "The key was accepted for this server before, by you.", "yes"),
      ));
    if (isTaken) return [shown.hostKey];
  }
  if (!interview.isInteractive) throw new UsageError(unconfirmed(server, shown));
  if (shown.known === "other")
    interview.say(
      `CAREFUL: your known_hosts has another key for ${server}. The server was installed anew, or ` +
        "this is not the server.",
    );
  interview.say(instructions(server, shown.hostKey));
  // Not asked again: whoever can try often enough needs no console.
  if (!(await interview.answer(fingerprintQuestion(shown.hostKey)))) throw wrongKey();
  return [shown.hostKey];
}

function instructions(server: string, hostKey: string): string {
  const print = fingerprint(hostKey);
  return (
    `\n${server} shows this host key, of which the end is left for you to fill in:\n\n` +
    `  ${hostKey.split(" ")[0]} ${print.slice(0, -ENOUGH)}${"_".repeat(ENOUGH)}\n\n` +
    "Only the server itself can prove that it is its own. On the server's own console (the " +
    "provider's web console or the screen, not over SSH) run:\n\n" +
    `  ssh-keygen -lf ${keyFile(hostKey)}\n`
  );
}

/** Where OpenSSH keeps the public key of this type. */
function keyFile(hostKey: string): string {
  const type = (hostKey.split(" ")[0] ?? "").replace(/^ssh-|^ecdsa-.*/, "") || "ecdsa";
  return `/etc/ssh/ssh_host_${type}_key.pub`;
}

function fingerprintQuestion(hostKey: string): FlagQuestion<boolean> {
  return {
    text: `Fingerprint (whole, or its last ${ENOUGH} characters)`,
    help:
      "Type or paste what the console printed: the whole line, the SHA256:... in it, or the last " +
      `${ENOUGH} characters of that; capital and small letters count. If it is another fingerprint, ` +
      "somebody else answers in the server's place: stop here with ^C. Some providers also show the " +
      "fingerprints in the log of the first boot.",
    read(answer) {
      const isSame = matches(hostKey, answer);
      if (isSame === undefined)
        throw new UserError(
          `expected the fingerprint that the console printed, or at least its last ${ENOUGH} characters.`,
        );
      return isSame;
    },
  };
}

function wrongKey(): UserError {
  return new UserError(
    "The host key isn't confirmed: that is not the fingerprint of the key which the server " +
      "showed. It was mistyped, or another machine answers in the server's place. Compare again " +
      "before you go on. Nothing was sent to it and nothing was written.",
  );
}

/**
 * Whether what somebody read at the server's console is this key's. Undefined where the text can't be
 * compared: it is neither a fingerprint, nor enough of its end, nor a public key.
 */
export function matches(hostKey: string, text: string): boolean | undefined {
  const pasted = parseHostKey(text);
  if (pasted !== undefined) return pasted === hostKey;
  const whole = fingerprint(hostKey);
  const [print] = /SHA256:[A-Za-z0-9+/]+/.exec(text) ?? [];
  if (print !== undefined) return print === whole;
  return /^[A-Za-z0-9+/]{8,43}$/.test(text) ? whole.endsWith(text) : undefined;
}

function unconfirmed(server: string, { hostKey, known }: ShownKey): string {
  const has = known === "other" ? "has another one" : "doesn't have it";
  return (
    `The host key of ${server} isn't confirmed: it shows ${fingerprint(hostKey)}, and your known_hosts ` +
    `${has}. Print the key on the server's own console with "cat ${keyFile(hostKey)}", and give it ` +
    "with --host-key. Nothing was written."
  );
}
