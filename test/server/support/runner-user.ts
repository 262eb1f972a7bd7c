/** A user of the server's who has nothing: no sudo, no Docker, only the key that opens SSH. */
import { execa } from "execa";
import { installScript, type RunnerOptions } from "../../../cli/runner/script.ts";
import type { DemoServer } from "../../../demo/server/index.ts";
import { RUNNER_PROGRAM } from "../../../common/runner-rule.ts";
import { shell } from "./looks.ts";

export const USER = "deploy";

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
  await shell(demo, `rm -rf /etc/chatalot-deploy ${RUNNER_PROGRAM} /etc/sudoers.d/chatalot-deploy-*`);
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
      timeout: 120_000,
    }),
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
    { input, reject: false, timeout: 120_000 },
  );
  return { exitCode: exitCode ?? -1, stdout, stderr };
}

/** One call of the runner, as the user: its first line, and what follows it. */
export function callAsUser(
  demo: DemoServer,
  call: unknown,
  body: string | Uint8Array = "",
): Promise<Tried> {
  const line = typeof call === "string" ? call : `${JSON.stringify(call)}\n`;
  const input =
    typeof body === "string" ? line + body : Buffer.concat([Buffer.from(line), Buffer.from(body)]);
  return asUser(demo, `sudo -n ${RUNNER_PROGRAM}`, input);
}
