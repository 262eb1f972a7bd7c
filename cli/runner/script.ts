/**
 * What an administrator runs as root to let a user deploy with one rule of sudo: a shell script that has
 * everything in it. Values are checked before they become a part of it, and quoted.
 */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { quote } from "../../common/quote.ts";
import { RUNNER_PROGRAM, runnerRule } from "../../common/runner-rule.ts";
import { UsageError } from "../exit-codes.ts";
import { RUN_CHECKED } from "../../provider/server/checked-runner.ts";
import { nodeRuntime } from "../../provider/server/node-runtime.ts";
import { updaterPath } from "../../provider/server/runner.ts";
import { updaterBundle } from "../../provider/server/updater-bundle.ts";
import { RUNNERS_DIRECTORY } from "../../updater/host-probe.ts";
import {
  ALLOWANCES,
  PERMITS_DIRECTORY,
  type Permit,
  permitSchema,
} from "../../updater/runner/protocol.ts";

export interface RunnerOptions {
  /** The SSH user who is to have the rule. */
  user: string;
  /** The instance's folder on the server. */
  directory: string;
  project: string;
  /** The server's processor, as `uname -m` names it. */
  machine: string;
  /** What is allowed beyond a chat of its own. */
  allow?: string[];
}

/** Base64 on lines, so that the script stays a text for every program. */
const LINE = 76;

/**
 * The script's text: some tens of megabytes, because Node is in it.
 *
 * @throws UsageError where a value is none
 */
export async function installScript(
  options: RunnerOptions,
  tell: (text: string) => void,
): Promise<string> {
  const permit = permitOf(options);
  if (!/^(?:x86_64|aarch64)$/.test(options.machine))
    throw new UsageError(
      "The runner can't be made: --machine expected x86_64 or aarch64, as uname -m says on the server.",
    );
  const [bundle, runtime] = await Promise.all([
    updaterBundle(),
    nodeRuntime(options.machine, tell),
  ]);
  const updater = updaterPath(bundle.sha256);
  const node = `${RUNNERS_DIRECTORY}/${runtime.sha256}/node`;
  const [user = ""] = permit.users;
  return [
    head(permit, options.machine),
    `put ${quote(node)} 755 ${runtime.sha256} <<'END_OF_FILE'`,
    base64(await readFile(runtime.file)),
    "END_OF_FILE",
    `put ${quote(updater)} 644 ${bundle.sha256} <<'END_OF_FILE'`,
    base64(gzipSync(bundle.content)),
    "END_OF_FILE",
    write(`${PERMITS_DIRECTORY}/${permit.project}.json`, "644", "keep", permitText(permit)),
    write(RUNNER_PROGRAM, "755", "replace", runnerProgram(node, updater)),
    TRY.replaceAll("RUNNER", quote(RUNNER_PROGRAM)).replaceAll("UPDATER", bundle.sha256),
    rule(user),
  ].join("\n");
}

function permitOf({ user, directory, project, allow = [] }: RunnerOptions): Permit {
  const permit = permitSchema.safeParse({ directory, project, users: [user], allow });
  if (permit.success && permit.data.users[0] !== "root") return permit.data;
  const example: Record<string, string> = {
    users: "--user expected a name of lower-case letters, digits, _ and -, and not root: deploy",
    directory: "--directory expected an absolute path without .. : /srv/chatalot",
    project: "--project expected lower-case letters, digits, - and _ : chatalot",
    allow: `--allow expected some of: ${ALLOWANCES.join(", ")}`,
  };
  const wrong = permit.error?.issues.map(({ path }) => String(path[0])) ?? ["users"];
  throw new UsageError(
    `The runner can't be made: ${[...new Set(wrong)].map((key) => example[key] ?? key).join("; ")}.`,
  );
}

/** Readable first, because somebody runs it as root. */
function head({ users: [user = ""], directory, project }: Permit, machine: string): string {
  return `#!/bin/sh
# Installs the runner of chatalot-deploy. Run it as root on the server, after reading: what follows each
# <<'END_OF_FILE' is a program, packed by gzip, whose SHA-256 stands before it.
#
# - Programs of root's alone, in folders named by their SHA-256, below ${RUNNERS_DIRECTORY}
# - What is allowed: ${PERMITS_DIRECTORY}/${project}.json. One that is there is kept as it is.
# - The runner: ${RUNNER_PROGRAM}
# - One rule of sudo for ${user}, checked by visudo before it counts: ${runnerRule(user)}
#
# Nothing of a chat is touched. Run it again, printed by a newer version, to renew the programs.
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
user=${quote(user)}
directory=${quote(directory)}
fail() { printf 'Not installed: %s\\n' "$1" >&2; exit 1; }
test "$(id -u)" = 0 || fail "this must be run as root"
test "$(uname -m)" = ${quote(machine)} || fail "this is for ${machine}, and the server is $(uname -m): add --machine $(uname -m)"
id -u -- "$user" >/dev/null 2>&1 || fail "there is no user $user. Make it first: useradd --create-home $user"
test "$(id -u -- "$user")" != 0 || fail "$user is root"
for tool in sudo visudo gzip base64 sha256sum; do
  command -v "$tool" >/dev/null 2>&1 || fail "$tool is missing"
done
# What lies on the way to the chat must be root's alone, since root runs what is there.
path=$directory
while :; do
  if test -e "$path" || test -L "$path"; then
    facts=$(stat -c '%u %a' -- "$path")
    test "\${facts%% *}" = 0 || fail "$path does not belong to root"
    mode=0\${facts##* }
    test "$((mode & 022))" = 0 || test "$((mode & 01000))" != 0 || fail "others than root can write to $path"
  fi
  test "$path" != / || break
  path=$(dirname -- "$path")
done
temporary=
trap 'test -z "$temporary" || rm -f -- "$temporary"' EXIT
# put PATH MODE SHA-256: unpacks what it reads, and puts it in place where it is what it should be.
put() {
  folder=\${1%/*}
  install --directory --owner=root --group=root --mode=755 ${RUNNERS_DIRECTORY} "$folder"
  temporary=$(mktemp -- "$folder/.put.XXXXXXXXXX")
  base64 --decode | gzip --decompress --stdout > "$temporary"
  digest=$(sha256sum < "$temporary")
  test "\${digest%% *}" = "$3" || fail "$1 is not what it should be; get the script anew"
  chmod "$2" -- "$temporary"
  sync -- "$temporary"
  mv -f -T -- "$temporary" "$1"
  temporary=
}
# write PATH MODE keep|replace: what it reads, as it is.
write() {
  install --directory --owner=root --group=root --mode=755 "\${1%/*}"
  if test "$3" = keep && test -e "$1"; then
    cat > /dev/null
    printf 'Kept as it is: %s\\n' "$1"
    return
  fi
  temporary=$(mktemp -- "\${1%/*}/.write.XXXXXXXXXX")
  cat > "$temporary"
  chmod "$2" -- "$temporary"
  sync -- "$temporary"
  mv -f -T -- "$temporary" "$1"
  temporary=
}
install --directory --owner=root --group=root --mode=755 /etc/chatalot-deploy ${PERMITS_DIRECTORY}`;
}

function permitText(permit: Permit): string {
  return JSON.stringify(permit, null, 2);
}

/**
 * Root's program. It takes no arguments, has nothing of its caller's environment but the name that sudo gives,
 * and compares the updater with its digest before it is run.
 */
function runnerProgram(node: string, updater: string): string {
  const [setting, ...check] = RUN_CHECKED.trim().split("\n");
  return `#!/bin/sh
# Written by chatalot-deploy (npx chatalot runner). What it may do is said by ${PERMITS_DIRECTORY}.
${setting}
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
cd /
test "$#" = 0 || { echo 'the runner takes no arguments' >&2; exit 1; }
test "$(id -u)" = 0 || { echo 'the runner is for root, by sudo' >&2; exit 1; }
set -- ${quote(node)} ${quote(updater)} serve
${check
  .join("\n")
  .replace(
    'exec "$node"',
    'exec env -i PATH="$PATH" HOME=/root LC_ALL=C.UTF-8 ${SUDO_USER:+SUDO_USER="$SUDO_USER"} "$node"',
  )}`;
}

/** A runner that doesn't answer would only be noticed by the user who has nothing else. */
const TRY = `
said=$(printf '{"call":1,"updater":"UPDATER","verb":"hello","seconds":30}\\n' | RUNNER) || fail "the runner does not answer"
printf 'The runner answers: %s\\n' "$said"`;

function rule(user: string): string {
  const file = `/etc/sudoers.d/chatalot-deploy-${user}`;
  return `
temporary=$(mktemp)
cat > "$temporary" <<'END_OF_FILE'
# Written by chatalot-deploy: all that this user may run as root.
${runnerRule(user)}
END_OF_FILE
visudo -c -q -f "$temporary" || fail "visudo refuses the rule"
# sudo does not read files with a dot in their name, so that the rule counts when it is whole.
install --owner=root --group=root --mode=440 -- "$temporary" ${quote(`${file}.new`)}
mv -f -T -- ${quote(`${file}.new`)} ${quote(file)}
rm -f -- "$temporary"
temporary=
visudo -c -q || fail "sudo's settings are wrong as a whole: run visudo -c"
case " $(id -Gn -- "$user") " in
  *" docker "*) printf 'Careful: %s is in the group docker, which is as much as root. Once pulumi up has run through the runner: gpasswd --delete %s docker\\n' "$user" "$user" ;;
esac
printf 'Installed. This is what %s may do by sudo:\\n' "$user"
sudo -l -U "$user"
`;
}

function write(path: string, mode: string, how: "keep" | "replace", text: string): string {
  return `write ${quote(path)} ${mode} ${how} <<'END_OF_FILE'\n${text}\nEND_OF_FILE`;
}

function base64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("base64");
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += LINE) lines.push(text.slice(at, at + LINE));
  return lines.join("\n");
}
