/** What is told of each thing that the schema finds wrong. */
import type * as z from "zod";
import { problemOfUnknownKey } from "./keys.ts";
import type { Problem } from "./problems.ts";
import { isUnspoken } from "./secrecy.ts";
import { valueAt } from "./value-at.ts";

/** @param raw the configuration, of which the wrong value is shown */
export function problemsOf(issue: z.core.$ZodIssue, raw: Record<string, unknown>): Problem[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) =>
      problemOfUnknownKey([...path, name], valueAt(raw, [...path, name])),
    );
  }
  const key = path.join(".");
  const value = valueAt(raw, path);
  const [cause = "", example] = messageOf(issue).split(/, for example (.*)/s);
  return [
    {
      key,
      cause: value === undefined ? `is missing: ${cause}` : cause,
      ...(value === undefined || isUnspoken(key) ? {} : { got: { value } }),
      ...(example === undefined ? {} : { example }),
    },
  ];
}

/** The messages of our own schemas say what is expected; zod's say what is wrong. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (!issue.message.startsWith("Invalid")) return issue.message;
  return FALLBACKS[issue.path.map(String).join(".")] ?? "expected another value";
}

const FALLBACKS: Record<string, string> = {
  "server.host": "expected a host name or an address, for example chat.example.org",
  "server.user": "expected a user name, for example root",
  "server.identityFile": "expected the path of a private key, for example ~/.ssh/id_ed25519",
  "server.hostKey": "expected the server's public key, for example ssh-ed25519 AAAA...",
  "server.knownHostsFile":
    "expected the path of a known_hosts file, for example /home/me/known_hosts",
  "server.jumpHost": "expected a server to go through, for example deploy@jump.example.org:22",
};
