import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../demo/commands.ts";
import type { SampleRepository } from "../../demo/repository/index.ts";

/** Builds a release the way its Dockerfile does, into `<directory>/<tag>/dist`. */
export async function buildRelease(
  repository: SampleRepository,
  tag: string,
  directory: string,
): Promise<string> {
  const tree = join(directory, tag);
  await mkdir(tree, { recursive: true });
  const archive = join(directory, `${tag}.tar`);
  await run("export the release", ["git", "archive", "--output", archive, tag], {
    timeout: 30_000,
    directory: repository.directory,
  });
  await run("unpack the release", ["tar", "-xf", archive, "-C", tree], { timeout: 30_000 });
  await run("build the release", ["node", "scripts/build.mjs"], {
    timeout: 30_000,
    directory: tree,
  });
  return join(tree, "dist");
}

/** A key pair as the deployment makes it, and the environment that names it. */
export async function makeKeys(directory: string): Promise<Record<string, string>> {
  await mkdir(directory, { recursive: true });
  const pair = generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const JWT_PRIVATE_KEY_PATH = join(directory, "jwt_private.pem");
  const JWT_PUBLIC_KEY_PATH = join(directory, "jwt_public.pem");
  await writeFile(JWT_PRIVATE_KEY_PATH, pair.privateKey);
  await writeFile(JWT_PUBLIC_KEY_PATH, pair.publicKey);
  return { JWT_PRIVATE_KEY_PATH, JWT_PUBLIC_KEY_PATH };
}

/** A sample server as a process of this machine. */
export class RunningApplication {
  output = "";
  readonly ended: Promise<number | null>;

  private constructor(
    readonly process: ChildProcess,
    readonly url: string,
  ) {
    process.stdout?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    process.stderr?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = once(process, "close").then(([code]) => code as number | null);
  }

  static async start(
    dist: string,
    environment: Record<string, string>,
  ): Promise<RunningApplication> {
    const port = await freePort();
    const child = spawn(process.execPath, [join(dist, "server.cjs")], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...environment, LISTEN_ADDR: `127.0.0.1:${port}` },
    });
    return new RunningApplication(child, `http://127.0.0.1:${port}`);
  }

  /** Resolves when it answers. */
  async ready(): Promise<this> {
    for (let attempt = 0; attempt < 1_200; attempt += 1) {
      if (this.process.exitCode !== null) break;
      const answer = await fetch(`${this.url}/version.json`).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok === true) return this;
      await sleep(50);
    }
    throw new Error(`the sample did not start:\n${this.output}`);
  }

  async stop(): Promise<number | null> {
    this.process.kill("SIGTERM");
    return this.ended;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<unknown> {
    const answer = await fetch(this.url + path, { headers });
    return answer.json();
  }

  async post(path: string, body: unknown): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(this.url + path, { method: "POST", body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }
}

/** Copies a build, to change something in it. */
export async function copyBuild(dist: string, to: string): Promise<string> {
  await cp(dist, to, { recursive: true });
  return to;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
