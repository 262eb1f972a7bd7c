/** Which SSH connections are made to a server, and by whom. */
import type { DemoServer } from "../../../demo/server/index.ts";
import { shell } from "./looks.ts";

/**
 * Lets sshd note over which connections the docker plugin's commands come, and over which ours: the
 * plugin makes its own, one for each command.
 */
const NOTE = `
  cat > /usr/local/bin/note-connection <<'END'
#!/bin/sh
case "$SSH_ORIGINAL_COMMAND" in "docker "* | "'docker' "*) whose=plugin ;; *) whose=ours ;; esac
set -- $SSH_CONNECTION
echo "$whose $1 $2" >> /run/connections
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
END
  chmod 755 /usr/local/bin/note-connection
  : > /run/connections; chmod 666 /run/connections
  echo 'ForceCommand /usr/local/bin/note-connection' > /etc/ssh/sshd_config.d/note.conf
  systemctl reload ssh`;

const FORGET = `
  rm -f /etc/ssh/sshd_config.d/note.conf /usr/local/bin/note-connection
  systemctl restart ssh`;

/** Address and port of the other end of each connection over which a command came. */
export interface Connections {
  ours: string[];
  plugin: string[];
}

/** From now on the server notes its connections, until {@link forgetConnections}. */
export async function noteConnections(demo: DemoServer): Promise<void> {
  await shell(demo, NOTE);
}

export async function forgetConnections(demo: DemoServer): Promise<void> {
  await shell(demo, FORGET);
}

/** The connections that were made while something was done. */
export async function connectionsDuring(
  demo: DemoServer,
  work: () => Promise<unknown>,
): Promise<Connections> {
  await shell(demo, ": > /run/connections");
  await work();
  const noted = (await shell(demo, "sort -u /run/connections")).split("\n");
  const of = (whose: string): string[] => noted.filter((line) => line.startsWith(`${whose} `));
  return { ours: of("ours"), plugin: of("plugin") };
}
