/** A user of the server's who has nothing: no sudo, no Docker, only the key that opens SSH. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { installScript, type RunnerOptions } from "../../../cli/runner/script.ts";
import type { DemoServer } from "../../../demo/server/index.ts";
import { RUNNER_PROGRAM } from "../../../common/runner-rule.ts";
import { shell } from "./looks.ts";

export const USER = "deploy";

const CHATALOT = fileURLToPath(new URL("../../../cli/chatalot", import.meta.url));

/** Makes the user, whom the demo's key lets in. */
export async function makeUser(demo: DemoServer): Promise<void> {
  await forgetRunner(demo);
  await shell(
    demo,
    'userdel --remove "$1" 2>/dev/null || true; useradd --create-home --shell /bin/bash "$1"; ' +
      'install -d -m 700 -o "$1" -g "$1" "/home/$1/.ssh"; ' +
      'install -m 600 -o "$1" -g "$1" /root/.ssh/authorized_keys "/home/$1/.ssh/authorized_keys"',
    USER,
  );
}

/** Takes the runner and all that belongs to it from the server. */
export async function forgetRunner(demo: DemoServer): Promise<void> {
  await shell(
    demo,
    `rm -rf /etc/chatalot-deploy ${RUNNER_PROGRAM} /etc/sudoers.d/chatalot-deploy-*`,
  );
}

/** As an administrator does: the script is run by root's shell, which reads it. */
export async function installRunner(
  demo: DemoServer,
  options: Partial<RunnerOptions> = {},
): Promise<string> {
  const { stdout } = await shell(demo, "uname -m").then(async (machine) =>
    demo.exec(["sh"], {
      input: await installScript(
        { user: USER, directory: "/srv/chatalot", project: "chatalot", machine, ...options },
        () => undefined,
      ),
      timeout: 600_000,
    }),
  );
  return stdout;
}

/** The same by the commands of docs/security.md, from the operator's machine and over SSH. */
export async function installAsDocumented(demo: DemoServer, folder: string): Promise<string> {
  const ssh = [
    ...["ssh", "-F", "none", "-i", demo.identityFile, "-p", String(demo.port)],
    ...["-o", `UserKnownHostsFile=${demo.knownHostsFile}`, "-o", "StrictHostKeyChecking=yes"],
  ];
  const script = join(folder, "install-runner.sh");
  const { stdout } = await execa(
    "sh",
    [
      "-euc",
      'script=$1 chatalot=$2 user=$3 host=$4; shift 4; "$chatalot" runner --user "$user" > "$script"; ' +
        'sh -n "$script"; "$@" "root@$host" sh < "$script"',
      ...["sh", script, CHATALOT, USER, demo.host, ...ssh],
    ],
    { timeout: 600_000 },
  );
  return stdout;
}

/** What a command of the user's ended with. */
export interface Tried {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs a shell's text on the server as the user, through SSH as they would. */
export async function asUser(
  demo: DemoServer,
  script: string,
  input: string | Uint8Array = "",
): Promise<Tried> {
  const { exitCode, stdout, stderr } = await execa(
    "ssh",
    [
      ...["-F", "none", "-i", demo.identityFile, "-p", String(demo.port), "-l", USER],
      ...["-o", `UserKnownHostsFile=${demo.knownHostsFile}`, "-o", "BatchMode=yes"],
      ...["-o", "StrictHostKeyChecking=yes", "--", demo.host, script],
    ],
    { input, reject: false, timeout: 600_000 },
  );
  return { exitCode: exitCode ?? -1, stdout, stderr };
}

/** One call of the runner. */
export interface Call {
  /** For a failed test's text. */
  what: string;
  /** The first line: a call, or any text. */
  line: object | string;
  /** What follows it. */
  body?: string;
}

/** How a call ended, with the end of what it said. */
export interface CallEnd {
  exitCode: number;
  said: string;
}

/** Makes calls as the user, one after the other, over one connection. */
export async function callsAsUser(demo: DemoServer, calls: readonly Call[]): Promise<CallEnd[]> {
  const inputs = calls.map(({ line, body = "" }) => {
    const first = typeof line === "string" ? line : `${JSON.stringify(line)}\n`;
    return Buffer.from(first + body).toString("base64");
  });
  const { stdout, stderr } = await asUser(
    demo,
    `while read -r call; do printf %s "$call" | base64 -d | sudo -n ${RUNNER_PROGRAM} > out 2>&1; ` +
      `end=$?; printf '%s %s\\n' "$end" "$(tail -c 400 out | base64 -w 0)"; done`,
    `${inputs.join("\n")}\n`,
  );
  if (stderr !== "") throw new Error(stderr);
  return stdout.split("\n").map((text) => {
    const [exitCode = "", said = ""] = text.split(" ");
    return { exitCode: Number(exitCode), said: Buffer.from(said, "base64").toString() };
  });
}
