/**
 * Installs Docker with Compose and buildx where they are missing: what `prepareServer: true` runs.
 * The server's address comes by standard input, as JSON; null is this machine.
 */
import { text } from "node:stream/consumers";
import { messageOf } from "../common/errors.ts";
import { openTransport, type ServerAddress } from "../transport/index.ts";

const INSTALL_TIMEOUT = 15 * 60_000;

/** Constant text; the distribution's own packages, so that its updates keep them current. */
const INSTALL = `
set -eu
ready() { docker version && docker compose version && docker buildx version; }
if ready >/dev/null 2>&1; then echo "Docker, Compose and buildx are there already"; exit 0; fi
. /etc/os-release
case " $ID \${ID_LIKE-} " in
  *" debian "*|*" ubuntu "*) ;;
  *) echo "only Debian and Ubuntu can be prepared, this is $ID; install Docker 24 or newer with Compose and buildx" >&2; exit 1 ;;
esac
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
first() { for name in "$@"; do apt-cache show "$name" >/dev/null 2>&1 && { echo "$name"; return; }; done; }
packages=""
command -v docker >/dev/null 2>&1 || packages="docker.io $(first docker-cli)"
docker compose version >/dev/null 2>&1 || packages="$packages $(first docker-compose-v2 docker-compose-plugin docker-compose)"
docker buildx version >/dev/null 2>&1 || packages="$packages $(first docker-buildx docker-buildx-plugin)"
apt-get -q install --yes --no-install-recommends $packages
systemctl enable --now docker
ready
`;

async function main(): Promise<void> {
  const address = JSON.parse(await text(process.stdin)) as ServerAddress | null;
  const transport = openTransport(address ?? undefined);
  try {
    await transport.run("install Docker", ["sh", "-c", INSTALL, "prepare"], {
      timeout: INSTALL_TIMEOUT,
      onLine: (line) => console.log(line),
    });
  } finally {
    await transport.close();
  }
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
