import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { UserError } from "../../common/errors.ts";
import { readUndoScripts } from "../../provider/undo-scripts.ts";
import { openMirror } from "../../release/mirror.ts";
import { describeRelease } from "../../release/release.ts";
import { configurationOf } from "../../settings/configuration.ts";
import { parseSettings, type Settings } from "../../settings/parse.ts";
import { openTransport, TransportError } from "../../transport/index.ts";
import { runHookProcess } from "../../updater/hooks/process.ts";
import { instancePaths } from "../../updater/paths.ts";
import { PROTOCOL, type SwitchRequest } from "../../updater/protocol.ts";
import { writeRelease } from "../../updater/rendered-release.ts";
import { SAMPLE_FILES, SampleRepository } from "../release/sample-repository.ts";
import { startedService } from "../support/compose-reader.ts";
import { guardAgainstExecution, HOSTILE_VALUES, named, STEERS } from "../support/hostile-values.ts";
import { NEW_COMMIT, release } from "../updater/samples.ts";
import { keysOfSchema } from "./schema-keys.ts";

/** Where a value is put, and how it is used where it is not refused. */
interface Entry {
  raw: (value: unknown) => Record<string, unknown>;
  /** Absent: the settings refuse every hostile value, so that nothing is left to be used. */
  use?: (settings: Settings, value: string) => Promise<void>;
}

const KEY_OF_SERVER = { host: "chat.example.org" };

describe("hostile values of the settings", function () {
  this.timeout(120_000);
  guardAgainstExecution();

  let folder: string;
  let sample: SampleRepository;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-settings-"));
    sample = await SampleRepository.create();
    await sample.commit(SAMPLE_FILES);
    await mkdir(join(folder, "bin"));
    // Says what it was called with, and is no server.
    const ssh = `#!/bin/sh\nprintf '%s\\0' "$@" > '${folder}/arguments'\nexit 255\n`;
    await writeFile(join(folder, "bin", "ssh"), ssh, { mode: 0o755 });
  });
  after(async () => {
    await sample.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const top = (key: string) => (value: unknown) => ({ [key]: value });
  const inside = (section: string, key: string, others: object = {}) => ({
    raw: (value: unknown) => ({ [section]: { ...others, [key]: value } }),
  });
  const server = (key: string) => inside("server", key, KEY_OF_SERVER);

  const TABLE: Record<string, Entry> = {
    release: { raw: top("release"), use: (settings) => isNoRelease(settings.release) },
    repository: { raw: top("repository"), use: isNoRepository },
    project: { raw: top("project"), use: isRendered },
    "volumes.database": { ...inside("volumes", "database"), use: isRendered },
    "volumes.files": { ...inside("volumes", "files"), use: isRendered },
    url: { raw: top("url"), use: isRendered },
    profiles: { raw: top("profiles"), use: isRendered },
    moreEnv: { raw: top("moreEnv") },
    retry: { raw: top("retry") },
    breakingChangesReadUpTo: {
      raw: top("breakingChangesReadUpTo"),
      use: (settings) => isNoRelease(settings.breakingChangesReadUpTo ?? ""),
    },
    prepareServer: { raw: top("prepareServer") },
    image: { raw: top("image"), use: isRendered },
    buildOn: { raw: top("buildOn") },
    runtime: { raw: top("runtime") },
    whenItFails: { raw: top("whenItFails") },
    "server.host": { ...server("host"), use: isAnArgumentOfSsh },
    "server.user": { ...server("user"), use: isAnArgumentOfSsh },
    "server.access": server("access"),
    "server.port": server("port"),
    "server.identityFile": { ...server("identityFile"), use: isAFileForSsh },
    "server.hostKey": server("hostKey"),
    "server.knownHostsFile": { ...server("knownHostsFile"), use: isAFileForSsh },
    "server.jumpHost": { ...server("jumpHost"), use: isAnArgumentOfSsh },
    "server.directory": { ...server("directory"), use: isRendered },
    "listen.address": inside("listen", "address"),
    "listen.port": inside("listen", "port"),
    "listen.beforeOwner": inside("listen", "beforeOwner"),
    "health.timeout": inside("health", "timeout"),
    "health.migrationTimeout": inside("health", "migrationTimeout"),
    "health.mustStayGoodFor": inside("health", "mustStayGoodFor"),
    "health.public": inside("health", "public"),
    "keep.releases": inside("keep", "releases"),
    "keep.revertPoints": inside("keep", "revertPoints"),
    "rollback.database": inside("rollback", "database", { job: 1 }),
    "rollback.job": inside("rollback", "job", { database: "revert-point" }),
    "rollback.backup": inside("rollback", "backup", { database: "backup", job: 1 }),
    "rollback.scripts": {
      ...inside("rollback", "scripts", { database: "undo-scripts", job: 1 }),
      use: haveNoScripts,
    },
    "backup.keepLast": inside("backup", "keepLast"),
    "backup.schedule": inside("backup", "schedule"),
    "backup.includeFiles": inside("backup", "includeFiles"),
    "backup.keepScheduled": inside("backup", "keepScheduled"),
    "backup.drill": inside("backup", "drill"),
    "alerts.webhook": inside("alerts", "webhook"),
    "alerts.mail": inside("alerts", "mail"),
    "alerts.every": inside("alerts", "every", { mail: "a@example.org" }),
    "alerts.diskFree": inside("alerts", "diskFree", { mail: "a@example.org" }),
    "backup.copyTo": {
      ...inside("backup", "copyTo", { schedule: "daily UTC" }),
      // A path for system calls alone; what is there is looked at before anything is written.
      use: async (settings, value) => void expect(settings.schedule?.copyTo).to.equal(value),
    },
    "backup.encryptTo": inside("backup", "encryptTo", {
      ...{ schedule: "daily UTC", copyTo: "/mnt/backups" },
    }),
    "hooks.beforeUpdate": { ...inside("hooks", "beforeUpdate"), use: isAProgramAlone },
    "hooks.afterUpdate": { ...inside("hooks", "afterUpdate"), use: isAProgramAlone },
    "hooks.onFailure": { ...inside("hooks", "onFailure"), use: isAProgramAlone },
    "hooks.timeLimit": inside("hooks", "timeLimit"),
    "build.memory": inside("build", "memory"),
    "build.cache": inside("build", "cache"),
    databaseImage: { raw: top("databaseImage") },
    sideImages: { raw: (value) => ({ sideImages: { postgres: value } }) },
    env: { raw: (value) => ({ env: { ADMIN_USERNAME: value } }), use: isRendered },
    secretEnv: { raw: (value) => ({ secretEnv: { GIPHY_API_KEY: value } }), use: isRendered },
  };

  it("are tried with every key of the schema", () => {
    expect(Object.keys(TABLE).sort()).to.deep.equal(keysOfSchema().sort());
  });

  for (const [key, { raw, use }] of Object.entries(TABLE))
    it(`${key}: each is refused in our form, or is that very text where it is used`, async () => {
      let refused = 0;
      for (const value of HOSTILE_VALUES) {
        const settings = settingsOf(raw(value), key, value);
        if (settings === undefined) refused += 1;
        else if (use === undefined) expect.fail(`${named(value)} was not refused`);
        else await use(settings, value);
      }
      expect(refused, "a value that nothing could take").to.be.above(0);
    });

  for (const key of ["profiles", "moreEnv", "server.hostKey"])
    it(`${key}: each is refused in a list as well, or is kept`, () => {
      for (const value of HOSTILE_VALUES) settingsOf(TABLE[key]?.raw([value]) ?? {}, key, value);
    });

  it("are refused as names of variables and as keys", () => {
    for (const value of HOSTILE_VALUES) {
      for (const section of ["env", "secretEnv"])
        expect(settingsOf(entryOf(section, entryOf(value, "x")), section, value)).to.equal(
          undefined,
        );
      expect(settingsOf(entryOf(value, "x"), value, value)).to.equal(undefined);
      expect(settingsOf(entryOf("server", entryOf(value, "x")), "server", value)).to.equal(
        undefined,
      );
    }
  });

  /** As JSON has it: `__proto__` is a key as any other. */
  function entryOf(name: string, value: unknown): Record<string, unknown> {
    return JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`) as Record<
      string,
      unknown
    >;
  }

  /** The settings; undefined where they are refused, in the form that people can use. */
  function settingsOf(
    raw: Record<string, unknown>,
    key: string,
    value: string,
  ): Settings | undefined {
    try {
      return parseSettings("release" in raw ? raw : Object.assign(raw, { release: "v1" }));
    } catch (error) {
      expect(error, `${key} ${named(value)}`).to.be.instanceOf(UserError);
      const { message } = error as UserError;
      expect(message).to.match(/^The stack's configuration can't be used: /);
      expect(message, named(value)).not.to.match(STEERS);
      expect(message.length, named(value)).to.be.below(2_000);
      return undefined;
    }
  }

  /** Refused by git's side, and in our form. */
  async function isNoRelease(name: string): Promise<void> {
    const mirror = await openMirror(sample.path, { cacheDirectory: join(folder, "cache") });
    await isUserError(() => describeRelease(mirror, name));
  }

  async function isNoRepository({ repository }: Settings): Promise<void> {
    await isUserError(async () =>
      describeRelease(
        await openMirror(repository, { cacheDirectory: join(folder, "cache") }),
        "v1",
      ),
    );
  }

  async function haveNoScripts({ rollback }: Settings): Promise<void> {
    await isUserError(() => readUndoScripts(rollback?.scripts ?? ""));
  }

  async function isUserError(action: () => Promise<unknown>): Promise<void> {
    const error: unknown = await action().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(UserError);
    expect((error as UserError).message).not.to.match(STEERS);
  }

  /** The arguments of the ssh that would connect. */
  async function argumentsOfSsh(settings: Settings): Promise<string[]> {
    const path = process.env.PATH;
    process.env.PATH = `${folder}/bin:${path}`;
    await rm(join(folder, "arguments"), { force: true });
    const transport = openTransport(settings.server ?? undefined);
    try {
      const failed: unknown = await transport
        .run("try", ["true"], { timeout: 10_000 })
        .catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(TransportError);
    } finally {
      await transport.close();
      process.env.PATH = path;
    }
    const text = await readFile(join(folder, "arguments"), "utf8").catch(() => "");
    return text.split("\0").slice(0, -1);
  }

  async function isAnArgumentOfSsh(settings: Settings, value: string): Promise<void> {
    const argv = await argumentsOfSsh(settings);
    const { host = "", user = "", jumpHost } = settings.server ?? {};
    expect([host, user, jumpHost?.host]).to.include(value);
    expect(argv.slice(-2)).to.deep.equal(["--", host]);
    expect(argv[argv.indexOf("-l") + 1]).to.equal(user);
    if (jumpHost !== undefined)
      expect(argv.find((word) => word.startsWith("ProxyCommand="))).to.match(
        / -- constructor$| -- toString$| -- __proto__$/,
      );
  }

  /** What the real ssh makes of the path; of a key, that it is there is asked before. */
  async function isAFileForSsh(settings: Settings, value: string): Promise<void> {
    const { server: address } = settings;
    if (address === null) throw new Error("no address");
    if (address.identityFile !== undefined) {
      if (/^\/|\.\.|^\.$|\//.test(value)) return;
      const path = join(folder, value);
      await writeFile(path, "");
      address.identityFile = path;
    }
    const argv = await argumentsOfSsh(settings);
    const wanted = address.identityFile ?? value;
    expect(argv.filter((word) => word.endsWith(`File="${wanted}"`))).to.have.length(1);
    // A path from the home of the user, or of another, as everywhere in ssh.
    if (wanted.startsWith("~")) return;
    const given = argv.filter((word) => word !== "-N");
    const { stdout } = await execa("ssh", ["-G", "-F", "none", ...given]);
    const name = address.identityFile === undefined ? "userknownhostsfile" : "identityfile";
    expect(stdout.split("\n")).to.include(`${name} ${wanted}`);
  }

  /** What is started where it is no program: nothing, and no shell either. */
  async function isAProgramAlone({ hooks }: Settings, value: string): Promise<void> {
    const [argv] = [hooks.beforeUpdate, hooks.afterUpdate, hooks.onFailure].filter(
      (given) => given !== undefined,
    );
    expect(argv).to.deep.equal([value]);
    const problem = await runHookProcess({
      argv: [value],
      ...{ environment: {}, directory: folder, timeLimit: 10_000, onLine: () => undefined },
    });
    expect(problem, named(value)).to.match(/^it could not be started/);
  }

  /** The files of a release with it, read as Compose reads them. */
  async function isRendered(settings: Settings, value: string): Promise<void> {
    const paths = instancePaths(join(folder, "chat"));
    await rm(paths.directory, { recursive: true, force: true });
    const tree = join(paths.trees, NEW_COMMIT);
    await mkdir(tree, { recursive: true });
    const upstream = new URL("../release/compose/upstream.yml", import.meta.url);
    await writeFile(join(tree, "docker-compose.yml"), await readFile(upstream));
    await mkdir(paths.state, { recursive: true });
    const secrets = {
      databasePassword: "p".repeat(32),
      totpEncryptionKey: "0".repeat(64),
      jwtPrivateKey: "-----BEGIN PRIVATE KEY-----\n",
      jwtPublicKey: "-----BEGIN PUBLIC KEY-----\n",
    };
    const request: SwitchRequest = {
      ...{ protocol: PROTOCOL, kind: "switch", directory: settings.directory, volumes: [] },
      ...{ project: settings.project, requestedBy: value.slice(0, 300), secrets },
      release: release(NEW_COMMIT),
      configuration: { ...configurationOf(settings), secretEnv: settings.secretEnv },
      gate: { timeout: 1, migrationTimeout: 1, mustStayGoodFor: 0 },
      ...{ keepReleases: 1, keepBackups: 1, keepRevertPoints: 1 },
    };
    const name = await writeRelease(paths, request, `x:${NEW_COMMIT}`, secrets, 2);
    const [compose, dotenv] = await Promise.all(
      ["compose.yaml", ".env"].map((file) => readFile(join(paths.directory, name, file), "utf8")),
    );
    const { project, started } = startedService(compose ?? "", dotenv ?? "");
    const { environment, labels } = started;
    const { env, secretEnv } = settings;
    expect(project).to.equal(settings.project);
    expect(environment).to.include({ ...env, ...secretEnv });
    expect(environment).not.to.have.property("PWNED");
    expect(labels["chatalot-deploy.release"]).to.equal(request.release.name);
    if (Object.keys(env).length + Object.keys(secretEnv).length > 0)
      expect([...Object.values(env), ...Object.values(secretEnv)]).to.deep.equal([value]);
  }
});
