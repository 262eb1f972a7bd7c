/**
 * A demo server that can lose its power. Its disk is a file of this machine, and what that file holds
 * at an instant is what a real disk would hold: what the server had only in its memory is lost.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { docker, run } from "../../../demo/commands.ts";
import { bootServer, type DemoServer, destroyServer } from "../../../demo/server/index.ts";
import { DROP_IN_NAME, holdText } from "./job-control.ts";

/** The server's folders that lie on the disk. The first one's volume is named by the demo server. */
const FOLDERS = {
  docker: "/var/lib/docker",
  containerd: "/var/lib/containerd",
  srv: "/srv",
  programs: "/usr/local/lib/chatalot-deploy",
  units: "/etc/systemd/system",
} as const;

/** A name in {@link FOLDERS}, which is also that of the folder on the disk. */
type FolderOnDisk = keyof typeof FOLDERS;

/** Where a folder of a server that is off lies on this machine. */
export type PlaceOf = (folder: FolderOnDisk) => string;

export interface BootOptions {
  /** The step at which jobs are to wait. Absent: they run, whatever they waited for before. */
  holdAt?: string;
  /** Looks at the disk before the server is on. */
  look?: (placeOf: PlaceOf) => Promise<void>;
}

/** Sparse: only what is written takes space. */
const DISK_BYTES = 16 * 1024 ** 3;

/**
 * The harshest that ext4 allows: nothing reaches the disk before somebody flushes it, and a file that
 * is renamed over another one is not flushed out of kindness.
 */
const MOUNT_OPTIONS = "noatime,noauto_da_alloc,commit=300";

export class PowerServer {
  private booted: DemoServer | undefined;
  private readonly folder: string;
  private readonly mountPoint: string;

  private constructor(private readonly name: string) {
    this.folder = fileURLToPath(new URL(`../../../.demo/disks/${name}`, import.meta.url));
    this.mountPoint = join(this.folder, "mounted");
  }

  /** A new server on a new disk. What an earlier run left of this name is removed first. */
  static async boot(name: string): Promise<PowerServer> {
    const server = new PowerServer(name);
    await server.destroy();
    await mkdir(server.mountPoint, { recursive: true });
    const disk = server.diskNamed("first");
    await run("make a disk", ["truncate", `--size=${DISK_BYTES}`, disk], { timeout: 10_000 });
    await run("format a disk", ["mkfs.ext4", "-q", "-F", "-m", "0", disk], { timeout: 60_000 });
    await server.insert(disk);
    for (const name of Object.keys(FOLDERS) as FolderOnDisk[]) await server.makeVolume(name);
    await server.start();
    return server;
  }

  /** The server as it was booted last. */
  get demo(): DemoServer {
    if (this.booted === undefined) throw new Error(`the server ${this.name} is off`);
    return this.booted;
  }

  /**
   * Cuts the power.
   *
   * @param name what the disk had at this instant is kept under this name
   */
  async losePower(name: string): Promise<void> {
    const { container } = this.demo;
    // Nothing of the server runs while its disk is copied, so that the copy is of one instant.
    await docker("hold the server", ["pause", container], { timeout: 30_000 });
    await copyDisk(this.diskNamed("first"), this.diskNamed(name));
    await docker("let the server go on", ["unpause", container], { timeout: 30_000 });
    await this.powerOff();
  }

  /** Boots the server on what a disk had when its power was lost. What was kept stays as it is. */
  async bootOn(name: string, { holdAt, look }: BootOptions = {}): Promise<DemoServer> {
    // A test that failed leaves it on.
    await this.powerOff();
    const disk = this.diskNamed("first");
    await rm(disk, { force: true });
    await copyDisk(this.diskNamed(name), disk);
    // As at every boot. 1: something was mended, such as files without a name.
    await run("check the disk", ["e2fsck", "-p", disk], {
      timeout: 60_000,
      acceptedExitCodes: [0, 1],
    });
    await this.insert(disk);
    const dropIn = join(this.mountPoint, "units", DROP_IN_NAME);
    await asRoot("let jobs run", ["rm", "--recursive", "--force", dropIn]);
    if (holdAt !== undefined) {
      await asRoot("make a folder for a drop-in", ["mkdir", dropIn]);
      await asRoot("hold jobs", ["tee", join(dropIn, "hold.conf")], holdText(holdAt));
    }
    await look?.((folder) => join(this.mountPoint, folder));
    return this.start();
  }

  /** Removes the server with all its disks. */
  async destroy(): Promise<void> {
    this.booted = undefined;
    await destroyServer(this.name);
    for (const name of Object.keys(FOLDERS) as FolderOnDisk[])
      await docker("remove a volume", ["volume", "rm", "--force", this.volumeOf(name)], {
        timeout: 30_000,
      });
    await this.eject();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async powerOff(): Promise<void> {
    await docker("kill the server", ["kill", `chatalot-demo-${this.name}`], {
      timeout: 30_000,
      // 1: it does not run.
      acceptedExitCodes: [0, 1],
    });
    this.booted = undefined;
    await this.eject();
  }

  private async start(): Promise<DemoServer> {
    const others = (Object.keys(FOLDERS) as FolderOnDisk[]).filter((name) => name !== "docker");
    this.booted = await bootServer({
      name: this.name,
      runArguments: others.map((name) => `--volume=${this.volumeOf(name)}:${FOLDERS[name]}`),
      report: () => undefined,
    });
    return this.booted;
  }

  private diskNamed(name: string): string {
    return join(this.folder, `${name}.ext4`);
  }

  private volumeOf(name: FolderOnDisk): string {
    return `chatalot-demo-${this.name}-${name}`;
  }

  /** A volume and no plain folder, because Docker fills a new one with what the image has there. */
  private async makeVolume(name: FolderOnDisk): Promise<void> {
    const place = join(this.mountPoint, name);
    await asRoot("make a folder on the disk", ["mkdir", "--parents", place]);
    const options = ["type=none", "o=bind", `device=${place}`].flatMap((text) => ["--opt", text]);
    await docker("make a volume", ["volume", "create", ...options, this.volumeOf(name)], {
      timeout: 30_000,
    });
  }

  private async insert(disk: string): Promise<void> {
    // Past this machine's own cache: what is in the file was written by the server's file system.
    const attach = ["losetup", "--find", "--show", "--direct-io=on", disk] as const;
    const device = (await asRoot("attach a disk", attach)).trim();
    try {
      await asRoot("mount a disk", ["mount", "-o", MOUNT_OPTIONS, device, this.mountPoint]);
    } finally {
      // While it is mounted that waits for the end of the mount.
      await asRoot("detach a disk", ["losetup", "--detach", device]);
    }
  }

  private async eject(): Promise<void> {
    // The server's processes end a moment after it.
    for (let attempt = 1; await isMounted(this.mountPoint); attempt++)
      try {
        await asRoot("unmount a disk", ["umount", this.mountPoint]);
      } catch (error) {
        if (attempt > 40) throw error;
        await sleep(250);
      }
  }
}

/**
 * Takes the content of a file that nobody has flushed, in case that another program of this machine called
 * sync, which flushes all disks: it has none otherwise (measured).
 */
export async function loseContent(path: string): Promise<void> {
  await asRoot("empty a file", ["truncate", "--no-create", "--size=0", path]);
}

/** The regular files under a folder of this machine that have no byte. */
export async function emptyFilesIn(folder: string): Promise<string[]> {
  const found = await asRoot("look for empty files", [
    ...(["find", folder] as const),
    ...["-type", "f", "-size", "0", "-printf", "%P\\n"],
  ]);
  return found.split("\n").filter((line) => line !== "");
}

async function copyDisk(from: string, to: string): Promise<void> {
  await run("copy a disk", ["cp", "--sparse=always", from, to], { timeout: 300_000 });
}

async function isMounted(path: string): Promise<boolean> {
  const { exitCode } = await run("look at a mount", ["mountpoint", "--quiet", path], {
    timeout: 10_000,
    acceptedExitCodes: [0, 1, 32],
  });
  return exitCode === 0;
}

async function asRoot(
  label: string,
  argv: readonly [string, ...string[]],
  input = "",
): Promise<string> {
  const own: readonly [string, ...string[]] =
    process.getuid?.() === 0 ? argv : ["sudo", "--non-interactive", ...argv];
  return (await run(label, own, { timeout: 120_000, input })).stdout;
}
