/**
 * The way that Chatalot's page describes: log in by SSH, get the release's files, `docker compose up
 * -d --build`. With a project, names and a port of its own, so that it serves beside ours.
 */
import { execa } from "execa";
import type { SampleRepository } from "../demo/repository/index.ts";
import type { DemoServer } from "../demo/server/index.ts";
import { untilAnswered } from "./watch.ts";

const DIRECTORY = "/srv/page";
const PORT = 8081;
const IMAGE = "page-chatalot";
const SERVER = "page-server";

/** What upstream's fixed names leave no room for beside another deployment. */
const OVERRIDE = `services:
  chatalot:
    container_name: ${SERVER}
    ports: !override ["${PORT}:8080"]
  postgres:
    container_name: page-db
`;

const CLEAN = `
test -d ${DIRECTORY} && cd ${DIRECTORY} && docker compose down --volumes --remove-orphans --timeout 2
rm -rf ${DIRECTORY}
docker images --quiet --filter reference=${IMAGE} | xargs --no-run-if-empty docker rmi --force
mkdir -p ${DIRECTORY}
exit 0
`;

const SECRETS = `
cd ${DIRECTORY} && sh scripts/make-secrets.sh && cat > docker-compose.override.yml
`;

export class ThePage {
  /** What serves. */
  release: string | undefined;

  private constructor(
    private readonly server: DemoServer,
    private readonly repository: SampleRepository,
  ) {}

  /** A folder as the page has it made, without anything that runs. */
  static async prepare(server: DemoServer, repository: SampleRepository): Promise<ThePage> {
    const page = new ThePage(server, repository);
    await page.ssh(CLEAN);
    await page.sendFiles("v1.0.0");
    await page.ssh(SECRETS, OVERRIDE);
    return page;
  }

  /** Where its chat answers. */
  get url(): string {
    return `http://${this.server.address}:${PORT}`;
  }

  /** The whole procedure. The server has no git, so the files come by `git archive` instead of a pull. */
  async pullAndBuild(release: string): Promise<void> {
    await this.sendFiles(release);
    await this.ssh(`cd ${DIRECTORY} && docker compose up --detach --build`);
    this.release = release;
    await untilAnswered(this.url, 60_000);
    // Kept under a name of its own, for the quick swap.
    await this.ssh(`docker tag ${IMAGE} ${IMAGE}:${release}`);
  }

  /** Makes an image that is there already the next one; what runs goes on. */
  async choose(release: string): Promise<void> {
    await this.ssh(`docker tag ${IMAGE}:${release} ${IMAGE}`);
    this.release = release;
  }

  /** The quick swap: the next image is there. */
  async composeUp(): Promise<void> {
    await this.ssh(`cd ${DIRECTORY} && docker compose up --detach`);
  }

  /** The container that serves: another one after a swap. */
  async container(): Promise<string> {
    return this.ssh(`docker inspect --format '{{.Id}}' ${SERVER}`);
  }

  private async sendFiles(release: string): Promise<void> {
    const commit = this.repository.tags[release];
    if (commit === undefined) throw new Error(`the sample has no release ${release}`);
    const archive = await execa("git", ["archive", commit], {
      cwd: this.repository.directory,
      encoding: "buffer",
      timeout: 60_000,
    });
    await this.ssh(`tar --extract --directory=${DIRECTORY}`, archive.stdout);
  }

  /** Runs constant text on the server, in a login of its own, as a person would. */
  private async ssh(script: string, input?: string | Uint8Array): Promise<string> {
    const { host, port, user, identityFile, knownHostsFile } = this.server;
    const { stdout } = await execa(
      "ssh",
      [
        ...["-i", identityFile, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
        ...["-o", `UserKnownHostsFile=${knownHostsFile}`, "-o", "StrictHostKeyChecking=yes"],
        ...["-p", String(port), `${user}@${host}`, script],
      ],
      { timeout: 600_000, ...(input === undefined ? { stdin: "ignore" as const } : { input }) },
    );
    return stdout;
  }
}
