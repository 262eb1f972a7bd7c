import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import type { DemoServer } from "../../demo/server/index.ts";
import { cleanServer, DIRECTORY, operatorOf, sampleRepository } from "./support/fixture.ts";
import { holdJobsAt, jobAt, jobsAreClosed, killJob, letJobsRun } from "./support/job-control.ts";
import { ledgerOf, SERVER, shell, theContainer } from "./support/looks.ts";
import {
  filesWithSecrets,
  secretsIn,
  type SecretValues,
  watchArguments,
  watchArgumentsOn,
} from "./support/needles.ts";
import type { Operator, Run } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

/** Every character that a shell, Compose, a `.env`, a URL or JSON gives a meaning of its own. */
const TOKEN = `canary of failures $HOME \${DB_PASSWORD} "two" 'one' \\n #5 %41&a=b+c;touch PWNED|x`;

const BASE = "v1.0.1";
const FAILING_MIGRATION = "v1.2.1-migration-fails-third-of-five";

describe("secret values, where something fails", function () {
  this.timeout(900_000);
  let demo: DemoServer;
  let operator: Operator;
  let secrets: SecretValues;
  let folder: string;
  /** What was said to the operator, by the failure. */
  const outputs: Record<string, string> = {};
  let argumentsHere: string;
  let argumentsThere: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-failures-"));
    demo = await cleanServer();
    operator = await operatorOf(demo);
    await operator.configure({ release: BASE, repository: await repositoryThatTells() });
    await operator.configureSecret("secretEnv.GIPHY_API_KEY", TOKEN);
    const here = watchArguments();
    const there = await watchArgumentsOn(demo);
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    secrets = await knownSecrets();

    await operator.configure({ "listen.port": 99_999 });
    keep("settings that are wrong", await operator.preview());
    await operator.configure({ "listen.port": 8080, release: "v1.0.2-edited-migration" });
    keep("a preview that refuses", await operator.preview("--diff"));
    await fails("v1.0.2-build-breaks", "UNTOUCHED");
    await fails("v1.0.2-degraded", "REVERTED");
    await fails("v1.0.9-tells-everything", "REVERTED");

    // A job that is killed once it has begun to swap, and is taken back by its unit alone.
    await operator.configure({ release: "v1.2.0" });
    await holdJobsAt(demo, "J9");
    const killed = operator.up("--skip-preview", "--diff", "--debug");
    await jobAt(demo, "J9");
    await letJobsRun(demo);
    await killJob(demo);
    keep("a job that is killed", await killed);
    await jobsAreClosed(demo);
    expect((await ledgerOf(demo)).at(-1)?.outcome).to.equal("reverted");

    const { sequence = 0 } = (await ledgerOf(demo)).at(-1) ?? {};
    await operator.configure({ release: "v1.2.0", retry: sequence });
    await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
    await refusedRestore();
    await fails(FAILING_MIGRATION, "REVERTED");

    // Without the image that it would go back to, a job needs the operator.
    const [image = ""] = (
      await shell(demo, 'docker inspect --format "{{.Config.Image}}" "$1"', SERVER)
    ).split("\n");
    await shell(demo, 'docker tag "$1" kept:now && docker rmi --force "$1"', image);
    const tried = (await ledgerOf(demo)).at(-1)?.sequence ?? 0;
    await operator.configure({ retry: tried });
    await fails(FAILING_MIGRATION, "NEEDS YOU");
    for (const command of [["resolve"], ["status"], ["history"], ["doctor"], ["backup", "list"]])
      keep(`chatalot ${command.join(" ")}`, await operator.chatalot(...command));
    keep("a preview that needs the operator", await operator.preview("--diff"));

    argumentsThere = await there.stop();
    argumentsHere = await here.stop();
    for (const command of [["history", "--json"], ["export"], ["output", "--json"], []])
      keep(`stack ${command.join(" ")}`, await operator.must("stack", ...command));
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => operator?.leave(),
      () => folder && rm(folder, { recursive: true, force: true }),
    ),
  );

  it("are in no text of a failure, also where the release itself tells them", () => {
    for (const [what, output] of Object.entries(outputs)) {
      expect(output.length, what).to.be.greaterThan(100);
      expect(secretsIn(output, secrets), what).to.deep.equal([]);
    }
    // The release did tell them: what it said is there but for them.
    expect(outputs["v1.0.9-tells-everything"]).to.contain("GIPHY_API_KEY=(hidden)");
  });

  it("are in no process's arguments, here or on the server", () => {
    expect(argumentsHere).to.contain("pulumi");
    expect(argumentsThere).to.contain("updater.mjs");
    expect(secretsIn(argumentsHere, secrets), "here").to.deep.equal([]);
    expect(secretsIn(argumentsThere, secrets), "on the server").to.deep.equal([]);
  });

  it("are nowhere in what pulumi keeps", async () => {
    const kept = await operator.everythingKept();
    const found = [...kept].map(([path, bytes]) => [path, ...secretsIn(bytes, secrets)]);
    expect(found.filter(([, ...names]) => names.length > 0)).to.deep.equal([]);
  });

  it("are on the server in no journal, ledger, progress or log", async () => {
    const kept = await shell(
      demo,
      `cat ${DIRECTORY}/.deploy/ledger ${DIRECTORY}/.deploy/unit.log ${DIRECTORY}/.deploy/needs-operator \\
         ${DIRECTORY}/.deploy/jobs/*/*; journalctl --no-pager --output=cat;
       journalctl --no-pager --output=json --unit='chatalot-deploy*'`,
    );
    expect(kept).to.contain("third").and.to.contain("(hidden)");
    expect(secretsIn(kept, secrets)).to.deep.equal([]);
  });

  it("stand in files for root alone, and only in those that are there for them", async () => {
    const places = [DIRECTORY, "/tmp", "/var/tmp", "/var/log", "/etc", "/root"];
    const found = await filesWithSecrets(demo, secrets, places);
    expect(found).to.include(`${DIRECTORY}/.deploy/secrets.json`);
    for (const path of found)
      expect(path).to.match(
        /^\/srv\/chatalot\/(?:\.deploy\/secrets\.json|(?:releases|backups)\/[^/]+\/(?:\.env|secrets\/.*|configuration\/.*))$/,
      );
    const open = await shell(
      demo,
      'for file in "$@"; do find -L "$file" -perm /077 ! -path "*/secrets/*.pem"; done',
      ...found,
    );
    expect(open).to.equal("");
    // As somebody who is nobody there: the folder lets nobody in.
    const readable = await shell(
      demo,
      'for file in "$@"; do su -s /bin/sh nobody -c \'test ! -r "$0"\' "$file" || echo "$file"; done',
      ...found,
    );
    expect(readable).to.equal("");
  });

  it("are in no image and in no history of one", async () => {
    const images = await shell(
      demo,
      "for image in $(docker images --quiet); do docker history --no-trunc $image; docker image inspect $image; done",
    );
    expect(secretsIn(images, secrets)).to.deep.equal([]);
  });

  it("made no command", async () => {
    expect(await shell(demo, "find / -xdev -name 'PWNED*' -not -path '/proc/*'")).to.equal("");
  });

  function keep(what: string, { output }: Run): void {
    outputs[what] = output;
  }

  async function fails(release: string, word: string): Promise<void> {
    await operator.configure({ release });
    const run = await operator.up("--skip-preview", "--diff", "--debug");
    keep(`${release}${word === "NEEDS YOU" ? ", which needs the operator" : ""}`, run);
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain(word);
  }

  /** A whole backup that was changed on the way is refused, with everything in it. */
  async function refusedRestore(): Promise<void> {
    await operator.mustChatalot("backup", "take");
    const list = await operator.mustChatalot("backup", "list", "--json");
    const [{ name } = { name: "" }] = JSON.parse(list.output.slice(list.output.indexOf("["))) as {
      name: string;
    }[];
    const to = join(folder, "backups");
    await operator.mustChatalot("backup", "fetch", name, "--to", to);
    const dump = join(to, name, "database.dump");
    const bytes = await readFile(dump);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    await writeFile(dump, bytes);
    const run = await operator.chatalot("restore", "--from", join(to, name), "--yes");
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain("SHA-256");
    keep("a restore that is refused", run);
    expect(await readdir(join(to, name))).to.include("configuration");
  }

  /** The sample, with a release whose server prints all that it was given before it ends. */
  async function repositoryThatTells(): Promise<string> {
    const path = join(folder, "repository");
    const git = (...argv: string[]) => execa("git", argv, { timeout: 60_000 });
    await git("clone", "--quiet", "--", (await sampleRepository()).directory, path);
    const inside = (...argv: string[]) => git("-C", path, ...argv);
    await inside("checkout", "--quiet", "--detach", BASE);
    const file = join(path, "Dockerfile");
    const tells =
      'ENTRYPOINT ["sh", "-c", "env | grep -E \'GIPHY|DATABASE_URL|TOTP\' >&2; sleep 2; exit 7"]\n';
    await writeFile(file, `${await readFile(file, "utf8")}\n${tells}`);
    const who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    await inside(...who, "commit", "--quiet", "--all", "--message", "Tell everything");
    await inside("tag", "v1.0.9-tells-everything");
    return path;
  }

  async function knownSecrets(): Promise<SecretValues> {
    const file = await shell(demo, `cat ${DIRECTORY}/.deploy/secrets.json`);
    const made = JSON.parse(file) as Record<string, string>;
    const known = {
      "database password": made.databasePassword ?? "",
      "TOTP key": made.totpEncryptionKey ?? "",
      "private key": (made.jwtPrivateKey ?? "").split("\n")[1] ?? "",
      token: TOKEN,
    };
    for (const [name, value] of Object.entries(known))
      expect(value.length, name).to.be.greaterThan(20);
    expect((await theContainer(demo, SERVER)).environment).to.include({ GIPHY_API_KEY: TOKEN });
    return known;
  }
});
