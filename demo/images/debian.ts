import { readdir, readFile, mkdtemp, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../common/errors.ts";
import { run, type Report } from "../commands.ts";
import { forgetFailure, pull } from "./registry.ts";
import { ensureStored } from "./store.ts";

const PULLED = "debian:trixie-slim";
/** Raise the number when what {@link bootstrap} makes changes. */
const BOOTSTRAPPED = "chatalot-demo/debian:trixie-2";
/** A third of the base image, which only people would read. */
const UNREAD = ["usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man"];

/**
 * The Debian image that the demo server and the stand-ins are built on: the published one, or
 * where it cannot be pulled one made from the distribution's packages.
 */
export async function ensureDebian(report: Report): Promise<string> {
  if (await pull(PULLED, report)) return PULLED;
  await ensureStored(BOOTSTRAPPED, () => bootstrap(report), report);
  return BOOTSTRAPPED;
}

async function bootstrap(report: Report): Promise<void> {
  if (process.getuid?.() !== 0) {
    // Nothing takes the image's place: to leave the registry alone would only fail every start.
    await forgetFailure();
    throw new UserError(
      `Could not make the demo's images: ${PULLED} cannot be pulled, and making it from packages ` +
        "needs root. Make a registry reachable and start again, or run this as root.",
    );
  }
  await ensureDebootstrap(report);
  const mirrors = await debianMirrors();
  const directory = await mkdtemp(join(tmpdir(), "chatalot-demo-debian-"));
  try {
    report("making a Debian base image from packages (about a minute, once)");
    await run(
      "make a Debian base system",
      [
        "debootstrap",
        "--variant=minbase",
        "--include=ca-certificates",
        "trixie",
        directory,
        ...(mirrors.main === undefined ? [] : [mirrors.main]),
      ],
      { timeout: 900_000 },
    );
    await configureApt(directory, mirrors);
    await run(
      "import the Debian base system",
      [
        "sh",
        "-c",
        'tar --numeric-owner -C "$1" -c . | docker import --change \'CMD ["bash"]\' - "$2"',
        "import",
        directory,
        BOOTSTRAPPED,
      ],
      { timeout: 300_000 },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function ensureDebootstrap(report: Report): Promise<void> {
  const found = await run("look for debootstrap", ["sh", "-c", "command -v debootstrap"], {
    timeout: 10_000,
    acceptedExitCodes: [0, 1, 127],
  });
  if (found.exitCode === 0) return;
  report("installing debootstrap");
  const environment = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = ["-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", "-y"];
  await run("read the package lists", ["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"], {
    timeout: 400_000,
    environment,
  });
  await run("install debootstrap", ["apt-get", ...apt, "install", "debootstrap"], {
    timeout: 400_000,
    environment,
  });
}

interface Mirrors {
  main?: string;
  security?: string;
}

/** The mirrors that this machine's own apt uses, when it is a Debian. */
async function debianMirrors(): Promise<Mirrors> {
  const texts = await Promise.all((await aptSourceFiles()).map((file) => readFile(file, "utf8")));
  const found = texts
    .flatMap((text) => text.split("\n"))
    .filter((line) => /^\s*(URIs:|deb\s)/.test(line))
    .flatMap((line) => line.match(/https?:\/\/[^\s\]]+/g) ?? []);
  const main = found.find((mirror) => /\/debian\/?$/.test(mirror));
  const security = found.find((mirror) => /\/debian-security\/?$/.test(mirror));
  return {
    ...(main === undefined ? {} : { main }),
    ...(security === undefined ? {} : { security }),
  };
}

async function aptSourceFiles(): Promise<string[]> {
  const folder = "/etc/apt/sources.list.d";
  const names = await readdir(folder).catch(() => []);
  const files = names
    .filter((name) => /\.(list|sources)$/.test(name))
    .map((name) => join(folder, name));
  const main = await readFile("/etc/apt/sources.list", "utf8").catch(() => undefined);
  return main === undefined ? files : ["/etc/apt/sources.list", ...files];
}

async function configureApt(directory: string, mirrors: Mirrors): Promise<void> {
  const list = join(directory, "etc/apt/sources.list");
  const lines = (await readFile(list, "utf8").catch(() => "")).trimEnd().split("\n");
  if (mirrors.main !== undefined) lines.push(`deb ${mirrors.main} trixie-updates main`);
  if (mirrors.security !== undefined) lines.push(`deb ${mirrors.security} trixie-security main`);
  await writeFile(list, `${lines.join("\n")}\n`);
  // Images are thrown away after a crash, so nothing is lost by not waiting for the disk; and
  // nobody reads manuals in them.
  const dpkg = join(directory, "etc/dpkg/dpkg.cfg.d");
  await mkdir(dpkg, { recursive: true });
  const excluded = UNREAD.map((folder) => `path-exclude=/${folder}/*`);
  await writeFile(join(dpkg, "image"), ["force-unsafe-io", ...excluded, ""].join("\n"));
  await writeFile(join(directory, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", {
    mode: 0o755,
  });
  const proxies = await run("read apt's settings", ["apt-config", "dump"], {
    timeout: 30_000,
    acceptedExitCodes: [0, 1, 127],
  });
  const lists = proxies.stdout.split("\n").filter((line) => /^Acquire::https?::Proxy/.test(line));
  if (lists.length > 0) {
    await writeFile(join(directory, "etc/apt/apt.conf.d/90proxy"), `${lists.join("\n")}\n`);
  }
  for (const folder of [...UNREAD, "var/lib/apt/lists", "var/cache/apt/archives"]) {
    await rm(join(directory, folder), { recursive: true, force: true });
    await mkdir(join(directory, folder), { recursive: true });
  }
}
