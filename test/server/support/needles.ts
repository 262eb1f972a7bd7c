/** Looks for secret values in whatever could have kept one, also in the usual other spellings. */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { DemoServer } from "../../../demo/server/index.ts";
import { shell } from "./looks.ts";

/** A secret by the name under which a find is reported: its value is never shown. */
export type SecretValues = Readonly<Record<string, string>>;

/** The spellings of a value in which it is still the value for whoever finds it. */
export function spellingsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  // Go writes these characters of JSON in another way than JavaScript does.
  const inGoJson = (text: string): string =>
    inJson(text).replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
  return [
    ...new Set([
      value,
      ...[inJson(value), inJson(inJson(value))],
      ...[inGoJson(value), inGoJson(inGoJson(value)), inGoJson(inGoJson(inGoJson(value)))],
      encodeURIComponent(value),
      encodeURIComponent(value).replaceAll("%20", "+"),
      bytes.toString("hex"),
      ...base64Spellings(bytes),
    ]),
  ];
}

/** Inside a longer text the encoding depends on where the value begins; the ends are left out. */
function base64Spellings(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const whole = Math.floor(((before + bytes.length) * 8) / 6);
    const found = padded.slice(before === 0 ? 0 : before + 1, whole);
    return [found, found.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** Names of the secrets that are in a text. */
export function secretsIn(text: Buffer | string, secrets: SecretValues): string[] {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return Object.entries(secrets)
    .filter(([, value]) => spellingsOf(value).some((spelling) => bytes.includes(spelling)))
    .map(([name]) => name);
}

/** Collects the arguments of every process of this machine until it is stopped. */
export function watchArguments(): { stop(): Promise<string> } {
  const seen = new Set<string>();
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
      const read = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""));
      for (const line of await Promise.all(read)) seen.add(line);
      await sleep(20);
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await watching;
      return [...seen].join("\n");
    },
  };
}

const WATCH = `
touch "$1.on"
while test -e "$1.on"; do cat /proc/[0-9]*/cmdline 2>/dev/null || true; sleep 0.02; done |
  tr '\\0' '\\n' | awk '!seen[$0]++' > "$1"
touch "$1.done"`;

/** The same for the processes of a server, whether or not this machine sees them. */
export async function watchArgumentsOn(demo: DemoServer): Promise<{ stop(): Promise<string> }> {
  const file = "/tmp/arguments-of-processes";
  await shell(
    demo,
    `rm -f ${file}*; sh -c "$1" watch ${file} > /dev/null 2>&1 < /dev/null &`,
    WATCH,
  );
  return {
    stop: async () =>
      shell(
        demo,
        `rm ${file}.on; while ! test -e ${file}.done; do sleep 0.1; done; cat ${file}; rm ${file}*`,
      ),
  };
}

/** Files of a server under the given places in which a secret stands, in whatever spelling. */
export async function filesWithSecrets(
  demo: DemoServer,
  secrets: SecretValues,
  places: readonly string[],
): Promise<string[]> {
  const { stdout } = await demo.exec(
    [
      "grep",
      "--recursive",
      "--files-with-matches",
      "--text",
      "--devices=skip",
      "--fixed-strings",
    ].concat("--file=-", "--", places),
    {
      // By standard input: the arguments would be a place of their own.
      input: `${Object.values(secrets).flatMap(spellingsOf).join("\n")}\n`,
      timeout: 120_000,
      acceptedExitCodes: [0, 1],
    },
  );
  return stdout.split("\n").filter((line) => line !== "");
}
