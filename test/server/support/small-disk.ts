/** File systems of their own in the place of folders of the server, to run out of room on. */
import type { DemoServer } from "../../../demo/server/index.ts";
import { loadImages } from "../../../demo/server/load-images.ts";
import { shell } from "./looks.ts";

/** Everything of Docker's: images, layers, volumes, the build cache. */
export const DOCKER_FOLDER = "/var/lib/docker";

const BALLAST = "ballast";

/**
 * Mounts a file system in memory over a folder, with what the folder holds.
 *
 * @param options as `mount` takes them for tmpfs: `size=4m`, `nr_inodes=20`
 */
export async function mountSmallDisk(
  demo: DemoServer,
  folder: string,
  options: string,
): Promise<void> {
  await shell(
    demo,
    `mkdir -p "$1" /run/small; mount -t tmpfs -o "$2" tmpfs /run/small
     cp -a "$1/." /run/small/; mount --bind /run/small "$1"; umount /run/small`,
    ...[folder, options],
  );
}

/** Takes {@link mountSmallDisk} back; what was written there is gone. */
export async function unmountSmallDisk(demo: DemoServer, folder: string): Promise<void> {
  await shell(demo, 'while mountpoint -q "$1"; do umount "$1"; done', folder);
}

/** Makes a small disk just so large that some megabytes are free on it. */
export async function leaveFree(
  demo: DemoServer,
  folder: string,
  megabytes: number,
): Promise<void> {
  await shell(
    demo,
    `used=$(df --output=used --block-size=1K "$1" | tail -n 1)
     mount -o "remount,size=$((used + $2 * 1024))k" "$1"`,
    ...[folder, String(megabytes)],
  );
}

/** Writes to a disk until nothing more fits, and keeps it full whatever is freed there. */
export async function keepFull(demo: DemoServer, folder: string): Promise<void> {
  await shell(
    demo,
    `systemd-run --quiet --unit="ballast" sh -c '
       while :; do cat /dev/zero >> "$1" 2>/dev/null; sleep 0.05; done' sh "$1/${BALLAST}"
     for try in $(seq 100); do
       test "$(df --output=avail "$1" | tail -n 1)" -gt 0 || exit 0; sleep 0.1
     done; echo "$1 was never full" >&2; exit 1`,
    folder,
  );
}

/** Fills a disk once. */
export async function fill(demo: DemoServer, folder: string): Promise<void> {
  await shell(demo, `cat /dev/zero > "$1/${BALLAST}" 2>/dev/null || true`, folder);
}

/** Gives back what {@link keepFull} or {@link fill} took. */
export async function freeAgain(demo: DemoServer, folder: string): Promise<void> {
  await shell(demo, `systemctl stop ballast 2>/dev/null || true; rm -f "$1/${BALLAST}"`, folder);
}

/** Gives Docker a small disk, with the base images and nothing else on it. */
export async function giveDockerSmallDisk(demo: DemoServer, options: string): Promise<void> {
  await shell(
    demo,
    `systemctl stop docker docker.socket
     mount -t tmpfs -o "$2" tmpfs "$1"; systemctl start docker`,
    ...[DOCKER_FOLDER, options],
  );
  await loadImages(demo.container, demo.baseImages, () => undefined);
}

/** Takes {@link giveDockerSmallDisk} back. The folder below is a disk of the server's own. */
export async function takeDockerSmallDisk(demo: DemoServer): Promise<void> {
  await shell(
    demo,
    `if test "$(findmnt --noheadings --output FSTYPE --mountpoint "$1" | tail -n 1)" = tmpfs; then
       systemctl stop docker docker.socket; umount --lazy "$1"; systemctl start docker
     fi`,
    DOCKER_FOLDER,
  );
}
