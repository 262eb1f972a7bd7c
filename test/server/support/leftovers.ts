/** What an earlier test left on a server that no cleaning takes away. */
import type { DemoServer } from "../../../demo/server/index.ts";

/** Of a deployment, and of the faults that tests make. One line each; nothing is changed. */
export const LEFTOVERS = `
docker ps --all --format 'the container {{.Names}}'
docker volume ls --format 'the volume {{.Name}}'
docker network ls --filter label=com.docker.compose.project --format 'the network {{.Name}}'
docker network ls --filter label=chatalot-deploy.closed-door --format 'the network {{.Name}}'
docker compose version >/dev/null 2>&1 || echo 'no Docker Compose'
ls -d /srv/chatalot /usr/local/bin/docker 2>/dev/null
ls -d /etc/systemd/system/chatalot-deploy-* /etc/systemd/system/chatalot-deploy@.service.d 2>/dev/null
systemctl is-enabled docker.service docker.socket 2>/dev/null | grep -q masked && echo 'a masked Docker'
systemctl is-active --quiet ssh || echo 'a stopped sshd'
iptables -S INPUT | grep -e '--dport 22 -j DROP'
findmnt --raw --noheadings --types tmpfs --output TARGET |
  grep -E '^/(srv|mnt|root)(/|$)|^/var/lib/docker($|/volumes/)' | sed 's/^/a small disk on /'
exit 0
`;

/** What is left on a server after it was cleaned. Empty where nothing is. */
export async function leftoversOn(demo: DemoServer): Promise<string[]> {
  const { stdout } = await demo.exec(["sh", "-c", LEFTOVERS], { timeout: 300_000 });
  return stdout.split("\n").filter((line) => line !== "");
}
