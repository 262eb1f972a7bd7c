/** The last words: what to do next. */
import { isIPv6 } from "node:net";
import { quote } from "../../common/quote.ts";
import { describeAddress, type ServerAddress } from "../../transport/index.ts";
import type { Backend } from "./backend.ts";
import { stackFile } from "./folder.ts";
import type { StackSettings } from "./stack-file.ts";

export function closingWords(
  folder: string,
  stack: string,
  settings: StackSettings,
  backend: Backend,
): string {
  const { url, listen } = settings;
  const kept = [
    ...(backend.url === undefined ? ["Pulumi's state"] : []),
    ...(backend.passphrase === "file" ? ["the passphrase, without which it can't be read"] : []),
  ];
  const passphrase =
    backend.passphrase === "environment" && process.env.PULUMI_CONFIG_PASSPHRASE_FILE === undefined
      ? "\nThe passphrase stays where you have it: set PULUMI_CONFIG_PASSPHRASE there as now."
      : "";
  return (
    `\nWritten: ${stackFile(folder, stack)}\n\n` +
    "Next, in every shell in which you use pulumi for this chat:\n\n" +
    `  cd ${quote(folder)}\n  . ./env\n` +
    passphrase +
    "\nThen:\n\n" +
    "  pulumi preview    # checks everything, changes nothing\n" +
    "  pulumi up         # builds the image, then starts the chat\n\n" +
    ownerWords(settings) +
    (url === undefined
      ? ""
      : `\nThen point your reverse proxy for ${url} to port ${listen.port}.\n`) +
    "\nThe command of this tool is npx chatalot in that folder, as in the clone.\n" +
    `Back up ${folder}: it has the settings${kept.map((text) => `, ${text}`).join("")}.`
  );
}

function ownerWords({ server, listen }: StackSettings): string {
  const warning =
    "The first account to register becomes the owner, so register before you open it to others";
  const tunnel = server === null ? undefined : tunnelCommand(server, listen);
  const address = isIPv6(listen.address) ? `[${listen.address}]` : listen.address;
  if (tunnel === undefined) return `${warning}: http://${address}:${listen.port}\n`;
  return `${warning}. Leave this open and register at http://localhost:${listen.port}:\n\n  ${tunnel}\n`;
}

/** The way to the chat's port on the server, through SSH; it ends on the server's own address. */
export function tunnelCommand(server: ServerAddress, listen: StackSettings["listen"]): string {
  const { address, port } = listen;
  const everywhere: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  const target = everywhere[address] ?? address;
  const forward = `${port}:${isIPv6(target) ? `[${target}]` : target}:${port}`;
  const { host, user, jumpHost, identityFile } = server;
  const words = [
    ...["ssh", "-L", forward],
    ...(server.port === undefined ? [] : ["-p", String(server.port)]),
    ...(identityFile === undefined ? [] : ["-i", identityFile]),
    ...(jumpHost === undefined ? [] : ["-J", describeAddress(jumpHost)]),
  ];
  return [...words.map(word), word(`${user}@${host}`)].join(" ");
}

/** A tilde at the beginning means the home folder only where it isn't quoted. */
function word(text: string): string {
  return text.startsWith("~/") ? `~/${quote(text.slice(2))}` : quote(text);
}
