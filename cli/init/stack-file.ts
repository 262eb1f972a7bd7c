/** The text of Pulumi.<stack>.yaml: the settings, explained as in Pulumi.prod.yaml. */
import { type Document, isMap, parseDocument, Scalar, YAMLMap } from "yaml";
import { describeAddress, type ServerAddress } from "../../transport/index.ts";
import { DEFAULT_REPOSITORY } from "../../settings/values.ts";

/** All that was answered, as far as it stands in the stack file. */
export interface StackSettings {
  release: string;
  repository: string;
  server: ServerAddress | null;
  directory: string;
  url?: string;
  listen: { address: string; port: number };
  registration: string;
  prepareServer: boolean;
}

export const NAMESPACE = "chatalot-deploy";

type Entry = [key: string, value: unknown, comment: string];

/**
 * Puts the settings into a stack file.
 *
 * @param text what Pulumi wrote there, such as the salt of its encryption, which stays as it is
 */
export function withSettings(text: string, settings: StackSettings): string {
  // Pulumi reads numbers and booleans as YAML 1.1 does; what it would take for one is quoted.
  const document = parseDocument(text, { version: "1.1" });
  // With a backend that has keys of its own, Pulumi has written nothing.
  const top = isMap(document.contents) ? document.contents : new YAMLMap<unknown, unknown>();
  top.set("config", map(document, entriesOf(settings), `${NAMESPACE}:`));
  document.contents = top as typeof document.contents;
  document.commentBefore =
    " The settings of this chat, written by `chatalot init`. Change them here or with\n" +
    " `pulumi config set --path`; nothing happens before `pulumi up`. All keys: docs/options.md.";
  return document.toString({ lineWidth: 0 });
}

function entriesOf(settings: StackSettings): Entry[] {
  const { release, repository, server, directory, url, listen, registration } = settings;
  const isForked = repository !== DEFAULT_REPOSITORY;
  return [
    [
      "release",
      release,
      "The release to run: a tag, a commit, or both as tag@commit. To update, change\nthis line.",
    ],
    ...(isForked
      ? [["repository", repository, "The git repository with the releases."] as Entry]
      : []),
    [
      "server",
      serverEntries(server, directory),
      server === null ? "The chat runs on this machine." : "How the server is reached.",
    ],
    ...(url === undefined
      ? []
      : [["url", url, "The address that people type. Sets PUBLIC_URL."] as Entry]),
    [
      "listen",
      [
        ["address", listen.address, ""],
        ["port", listen.port, ""],
      ],
      "Where Chatalot listens on the server. Loopback is right for a reverse proxy on the\nsame server, and as long as there is no account: the first one to register becomes\nthe owner.",
    ],
    [
      "env",
      [["REGISTRATION_MODE", registration, "invite_only, open or closed"]],
      "Chatalot's own settings that are no secrets. A secret is set by a command that asks\nfor it: pulumi config set --path --secret secretEnv.GIPHY_API_KEY",
    ],
    ...(settings.prepareServer
      ? [
          [
            "prepareServer",
            true,
            "Install Docker, Compose or buildx where they are missing.",
          ] as Entry,
        ]
      : []),
  ];
}

function serverEntries(server: ServerAddress | null, directory: string): Entry[] {
  const place: Entry = [
    "directory",
    directory,
    "Where everything lies there. Another folder is another instance.",
  ];
  if (server === null) return [place];
  const { host, user, access, port, identityFile, jumpHost, hostKey } = server;
  const optional: [string, unknown, string][] = [
    [
      "access",
      access,
      "What needs root is done by the runner alone, which an administrator installs.",
    ],
    ["port", port, ""],
    ["identityFile", identityFile, "Only this private key is tried."],
    [
      "jumpHost",
      jumpHost === undefined ? undefined : describeAddress(jumpHost),
      "The server to go through; your known_hosts has its key.",
    ],
    [
      "hostKey",
      hostKey?.length === 1 ? hostKey[0] : hostKey,
      "The server's own public key. A server that shows another one gets nothing.",
    ],
  ];
  return [
    ["host", host, ""],
    ["user", user, ""],
    ...optional.filter(([, value]) => value !== undefined),
    place,
  ];
}

/** A mapping in which every key has its comment before it. */
function map(document: Document, entries: Entry[], prefix = ""): YAMLMap {
  const result = new YAMLMap();
  entries.forEach(([name, value, comment], index) => {
    const key = new Scalar(`${prefix}${name}`);
    if (comment !== "") key.commentBefore = comment.replaceAll(/^/gm, " ");
    // An empty line between the settings at the top, none below.
    if (prefix !== "" && index > 0) key.spaceBefore = true;
    const node = isEntries(value) ? map(document, value) : document.createNode(value);
    result.add({ key, value: node });
  });
  return result;
}

function isEntries(value: unknown): value is Entry[] {
  return Array.isArray(value) && value.length > 0 && value.every(Array.isArray);
}
