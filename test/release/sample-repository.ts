import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";

/** Files of a commit: path -> content; null removes the file, `{ link }` makes a symbolic link. */
export type Files = Record<string, string | Uint8Array | null | { link: string }>;

/** A git repository made up for a test, with nothing of the user's configuration in it. */
export class SampleRepository {
  #commits = 0;

  private constructor(
    /** A folder for anything the test makes; removed by {@link remove}. */
    readonly folder: string,
    /** The repository's absolute path. */
    readonly path: string,
  ) {}

  static async create(): Promise<SampleRepository> {
    const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-test-"));
    const sample = new SampleRepository(folder, join(folder, "upstream"));
    await mkdir(sample.path);
    await sample.git("init", "--quiet", "--initial-branch=main");
    return sample;
  }

  async git(...argv: string[]): Promise<string> {
    const date = `2026-03-01T12:00:${String(this.#commits % 60).padStart(2, "0")}Z`;
    const { stdout } = await execa("git", argv, {
      cwd: this.path,
      env: {
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "Sample",
        GIT_AUTHOR_EMAIL: "sample@example.org",
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: "Sample",
        GIT_COMMITTER_EMAIL: "sample@example.org",
        GIT_COMMITTER_DATE: date,
      },
    });
    return stdout;
  }

  /** Changes files and commits them; gives the commit. */
  async commit(files: Files): Promise<string> {
    this.#commits += 1;
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      await mkdir(dirname(path), { recursive: true });
      await rm(path, { force: true });
      if (content === null) continue;
      if (typeof content === "string" || content instanceof Uint8Array) {
        await writeFile(path, content);
      } else {
        await symlink(content.link, path);
      }
    }
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--allow-empty", `--message=step ${this.#commits}`);
    return await this.git("rev-parse", "HEAD");
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The files of a small release with the shape of Chatalot's. */
export const SAMPLE_FILES: Files = {
  "docker-compose.yml": "services:\n  chatalot: { build: . }\n  postgres: { image: postgres:17 }\n",
  "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n\n[workspace.package]\nversion = "0.17.0"\n',
  "crates/chatalot-server/Cargo.toml":
    '[package]\nname = "chatalot-server"\nversion.workspace = true\n',
  "crates/chatalot-server/src/main.rs": "fn main() {}\n",
  "clients/web/static/version.json": '{"version":"0.22.6"}\n',
  "migrations/001_users.sql": "CREATE TABLE users (id int);\n",
  "migrations/002_first_messages.sql": "CREATE TABLE messages (id int);\n",
};
