import type { DemoServer } from "../../../demo/server/index.ts";
import { shell } from "./looks.ts";

/** Every place where this tool puts files. */
const PLACES = ["/srv", "/usr/local/lib/chatalot-deploy", "/etc/systemd/system"];

const LIST = `
  for place in "$@"; do
    find "$place" -printf '%p %y %m %u %g %l\\n' 2>/dev/null || true
    find "$place" -type f -exec sha256sum {} + 2>/dev/null || true
  done | sort
  docker ps --all --no-trunc --format 'container {{.ID}} {{.Names}} {{.State}}' | sort
  docker images --all --no-trunc --format 'image {{.ID}} {{.Repository}}:{{.Tag}}' | sort
  docker network ls --no-trunc --format 'network {{.ID}} {{.Name}}' | sort
  for volume in $(docker volume ls --quiet | sort); do
    folder=$(docker volume inspect --format '{{.Mountpoint}}' "$volume")
    printf 'volume %s ' "$volume"
    { find "$folder" -printf '%P %y %m %U %G\\n'
      find "$folder" -type f -exec sha256sum {} + ; } | sort | sha256sum
  done`;

/**
 * Everything on the server that a deployment could change: files with their content and owners,
 * containers, images, networks, volumes with a digest of what is in them. Times are left out.
 *
 * @param places folders to list besides the usual ones
 */
export async function listing(demo: DemoServer, ...places: string[]): Promise<string[]> {
  return (await shell(demo, LIST, ...PLACES, ...places)).split("\n");
}
