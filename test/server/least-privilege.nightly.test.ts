import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import type { DemoServer } from "../../demo/server/index.ts";
import { startProber } from "../support/prober.ts";
import {
  chatUrl,
  cleanServer,
  operatorOf,
  sampleRepository,
  servingChat,
} from "./support/fixture.ts";
import { ledgerOf, numberOfJobs, query, runningSince, shell, webVersion } from "./support/looks.ts";
import { loadNewerPostgres } from "./support/newer-postgres.ts";
import type { Operator } from "./support/operator.ts";
import {
  forgetRunner,
  installAsDocumented,
  installRunner,
  makeUser,
  USER,
} from "./support/runner-user.ts";
import { takeBack } from "./support/take-back.ts";

const PERMIT = "/etc/chatalot-deploy/instances/chatalot.json";

describe("a chat that is kept by a user with one rule of sudo", function () {
  this.timeout(900_000);
  let demo: DemoServer;
  let operator: Operator;
  let folder: string;

  before(async () => {
    demo = await cleanServer();
    await makeUser(demo);
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-runner-"));
    expect(await installAsDocumented(demo, folder)).to.contain("Installed.");
    operator = await operatorOf(demo);
    await operator.configure({ "server.user": USER, "server.access": "runner", release: "v1.0.0" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
  });
  after(() =>
    takeBack(
      () => demo && forgetRunner(demo),
      () => operator?.leave(),
      () => folder && rm(folder, { recursive: true, force: true }),
    ),
  );

  it("changes nothing when nothing is changed", async () => {
    const before = await numberOfJobs(demo);
    const { output } = await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    expect(output).not.to.match(/\d+ (created|updated|changed|replaced)/);
    expect(await numberOfJobs(demo)).to.equal(before);
  });

  it("is updated, with migrations, and loses no message", async () => {
    const prober = startProber({ baseUrl: chatUrl(demo) });
    await operator.configure({ release: "v1.2.0" });
    const { exitCode, output } = await operator.up();
    await prober.stop();
    expect(exitCode, output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.2.0");
    expect(await prober.missingMarkers()).to.deep.equal([]);
  });

  it("has a release taken back that fails", async () => {
    await operator.configure({ release: "v1.2.1-never-listens" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.2.0");
    expect((await ledgerOf(demo)).at(-1)?.outcome).to.equal("reverted");
    await operator.configure({ release: "v1.2.0" });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
  });

  it("gets a newer PostgreSQL, in a volume that the server itself names", async () => {
    await loadNewerPostgres(demo);
    const { output } = await operator.mustChatalot("upgrade-database", "--yes");
    expect(output).to.contain("DONE");
    expect(await query(demo, "SHOW server_version_num")).to.match(/^18/);
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
  });

  it("is looked at: status, logs, history, doctor", async () => {
    for (const [command, says] of [
      [["status"], "As committed, and healthy"],
      [["logs", "--lines", "5"], "GET /api/health"],
      [["logs", "postgres"], "database system is ready"],
      [["logs", "--job"], "J1 check"],
      [["history"], "reverted"],
      [["doctor"], "Nothing is in the way"],
    ] as const) {
      const { output } = await operator.mustChatalot(...command);
      expect(output, command.join(" ")).to.contain(says);
    }
    const none = await operator.chatalot("logs", "nobody");
    expect(none.exitCode).to.equal(1);
    expect(none.output).to.contain("has no container of service nobody");
  });

  it("is backed up by hand and by the clock, and the backup stays on the server", async () => {
    await operator.mustChatalot("backup", "take");
    await operator.configure({ "backup.schedule": "yearly UTC" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    const list = await operator.mustChatalot("backup", "list");
    const name = /^(\d{6}-\d{8}T\d{6}Z) .*by hand/m.exec(list.output)?.[1] ?? "";
    const refused = await operator.chatalot("backup", "fetch", name, "--to", folder);
    expect(refused.exitCode).to.equal(1);
    expect(refused.output).to.contain('"fetch-backups"').and.to.contain(PERMIT);
    await allow("fetch-backups");
    await operator.mustChatalot("backup", "fetch", name, "--to", folder);
    await allow();
    expect(await readFile(join(folder, name, "manifest.json"), "utf8")).to.contain("sha256");
  });

  it("goes back to an earlier release", async () => {
    const { exitCode, output } = await operator.chatalot(
      ...["rollback", "--to", "v1.0.0", "--database", "revert-point", "--yes"],
    );
    expect(exitCode, output).to.equal(0);
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.0");
  });

  it("is not given a release that reaches for the host, and nothing is touched", async () => {
    await execa("git", [
      "clone",
      "--quiet",
      "--",
      (await sampleRepository()).directory,
      join(folder, "clone"),
    ]);
    await operator.configure({ repository: join(folder, "clone") });
    const compose = (text: string): Promise<void> =>
      edit("docker-compose.yml", (old) =>
        old.replace("restart: unless-stopped\n", `restart: unless-stopped\n${text}`),
      );
    for (const [tag, change, says] of [
      ["v1.0.7", () => compose("    privileged: true\n"), /service chatalot is privileged/],
      ["v1.0.8", () => compose("    pid: host\n"), /service chatalot has "pid"/],
      [
        "v1.0.9",
        () =>
          edit("docker-compose.yml", (old) =>
            old.replace("- file_storage:", "- /etc:/host:ro\n      - file_storage:"),
          ),
        /mounts \/etc of the host/,
      ],
      [
        "v1.0.10",
        async () => {
          await symlink("/", join(folder, "clone", "root"));
          await edit("docker-compose.yml", (old) => old.replace("build: .", "build: ./root"));
        },
        /leads out of the release's tree/,
      ],
    ] as const) {
      const before = await runningSince(demo);
      await release(tag, change);
      await operator.configure({ release: tag });
      const { exitCode, output } = await operator.up("--skip-preview");
      expect(exitCode, output).not.to.equal(0);
      expect(output).to.match(says).and.to.contain("the administrator");
      expect(await runningSince(demo)).to.deep.equal(before);
    }
    // By a file of root's it may: that is for root to decide.
    await allow("host-access");
    await operator.configure({ release: "v1.0.8" });
    const { exitCode, output } = await operator.up("--skip-preview");
    await allow();
    expect(exitCode, output).to.equal(0);
  });

  it("is not given variables that programs of the host would read", async () => {
    const jobs = await numberOfJobs(demo);
    await operator.configure({ moreEnv: "LD_PRELOAD", "env.LD_PRELOAD": "/home/deploy/x.so" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain('"LD_PRELOAD"');
    expect(await numberOfJobs(demo)).to.equal(jobs);
    await operator.must("config", "rm", "--path", "env.LD_PRELOAD");
  });

  it("is taken down with its volumes left", async () => {
    const { exitCode, output } = await operator.destroy("--exclude-protected");
    expect(exitCode, output).to.equal(0);
    expect(await shell(demo, "docker ps --quiet")).to.equal("");
    expect(await shell(demo, "docker volume ls --quiet")).to.contain("chatalot_postgres_data");
  });

  /** As an administrator does by an editor. */
  async function allow(...what: string[]): Promise<void> {
    const permit = JSON.parse(await shell(demo, `cat ${PERMIT}`)) as object;
    await shell(demo, `printf '%s' "$1" > ${PERMIT}`, JSON.stringify({ ...permit, allow: what }));
  }

  async function edit(name: string, change: (text: string) => string): Promise<void> {
    const file = join(folder, "clone", name);
    await writeFile(file, change(await readFile(file, "utf8")));
  }

  async function release(tag: string, change: () => Promise<void>): Promise<void> {
    const git = (...argv: string[]) => execa("git", ["-C", join(folder, "clone"), ...argv]);
    await git("checkout", "--quiet", "--force", "--detach", "v1.0.1");
    await git("clean", "--quiet", "--force", "-d");
    await change();
    await git("add", "--all");
    await git(
      ...["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", tag],
    );
    await git("tag", tag);
  }
});

describe("a stack that deployed with sudo, and goes on through the runner", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let volumes: string;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    await makeUser(demo);
    await installRunner(demo);
    volumes = await volumesOf();
  });
  after(() =>
    takeBack(
      () => demo && forgetRunner(demo),
      () => operator?.leave(),
    ),
  );

  it("is refused while its volumes are protected, and nothing is touched", async () => {
    const before = await runningSince(demo);
    await operator.configure({ "server.user": USER, "server.access": "runner" });
    const { exitCode, output } = await operator.preview();
    expect(exitCode, output).not.to.equal(0);
    expect(output).to.contain("protected").and.to.contain("pulumi state unprotect");
    expect(await volumesOf()).to.equal(volumes);
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  it("lets them go out of Pulumi's state, and they are as they were", async () => {
    const before = await runningSince(demo);
    await operator.must("state", "unprotect", "--all", "--yes");
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await types()).not.to.include("docker:index/volume:Volume");
    expect(await volumesOf()).to.equal(volumes);
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  it("goes back to sudo, and takes them over again", async () => {
    const before = await runningSince(demo);
    await operator.configure({ "server.user": demo.user, "server.access": "sudo" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await types()).to.include("docker:index/volume:Volume");
    expect(await volumesOf()).to.equal(volumes);
    expect(await runningSince(demo)).to.deep.equal(before);
  });

  function volumesOf(): Promise<string> {
    return shell(
      demo,
      "docker volume ls --quiet | sort | xargs docker volume inspect --format '{{.Name}} {{.CreatedAt}} {{.Labels}}'",
    );
  }

  async function types(): Promise<string[]> {
    return ((await operator.exported()).deployment.resources ?? []).map(({ type }) => type);
  }
});
