import { expect } from "chai";
import { diagnose } from "../../cli/doctor.ts";
import type { Findings } from "../../cli/findings.ts";
import { prepare } from "../../cli/prepare.ts";
import { readReport } from "../../cli/report/report.ts";
import { releaseFacts } from "../../provider/release-facts.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { forgetUpdates } from "../../release/mirror.ts";
import { PROTOCOL, type ReleaseIdentity, type ServerState } from "../../updater/protocol.ts";
import { FakeServer } from "../provider/support/fake-server.ts";
import { listeningContext, stateRunning } from "../provider/support/samples.ts";
import { servingRecord } from "../updater/samples.ts";
import { SAMPLE_FILES, SampleRepository } from "../release/sample-repository.ts";
import { useOwnCache } from "../support/own-cache.ts";
import { FakePulumi } from "./support/fake-pulumi.ts";

const REQUIRING =
  "services:\n  chatalot: { build: ., environment: { API_KEY: '${API_KEY:?}' } }\n" +
  "  postgres: { image: postgres:17 }\n";
const BACKUP = "000003-20260301T201500Z";

/** v1.0.0 serves; v1.1.0 requires a variable; v2.0.0 breaks something. */
describe("commands that ask the same as a preview", () => {
  const openTransport = RemoteServer.openTransport;
  const pulumi = new FakePulumi();
  useOwnCache();
  let sample: SampleRepository;
  let server: FakeServer;
  let running: ReleaseIdentity;

  before(async () => {
    sample = await SampleRepository.create();
    for (const [tag, files] of [
      ["v1.0.0", SAMPLE_FILES],
      ["v1.1.0", { "docker-compose.yml": REQUIRING }],
      [
        "v2.0.0",
        {
          "docker-compose.yml": SAMPLE_FILES["docker-compose.yml"] ?? null,
          "CHANGELOG.md": "# Changelog\n\n## 2.0.0\n\n- **BREAKING**: other paths\n",
        },
      ],
    ] as const) {
      await sample.commit(files);
      await sample.git("tag", tag);
    }
    running = (await releaseFacts(sample.path, "v1.0.0", undefined)).identity;
  });
  after(() => sample.remove());

  beforeEach(async () => {
    forgetUpdates();
    await pulumi.arrive();
    server = new FakeServer();
    serve();
    await server.arrive();
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  const serve = (changes: Partial<ServerState> = {}): void => {
    const { name, commit, migrations } = running;
    server.state = stateRunning({ name, commit, migrations }, changes);
  };
  const configure = (release: string, more: Record<string, unknown> = {}): Promise<void> =>
    pulumi.configuredAs({
      ...{ release, repository: sample.path, server: { host: "chat.example.org" } },
      ...more,
    });
  const commitOf = (tag: string): Promise<string> => sample.git("rev-parse", tag);
  const nothing: Findings = { refusals: [], warnings: [] };

  describe("doctor", () => {
    it("finds nothing in the way of an update", async () => {
      await configure("v2.0.0", { breakingChangesReadUpTo: "v2.0.0" });
      expect(await diagnose(undefined)).to.deep.equal(nothing);
      await configure("v1.0.0");
      expect(await diagnose(undefined)).to.deep.equal(nothing);
    });

    it("finds breaking changes that were not read", async () => {
      await configure("v2.0.0");
      const { refusals } = await diagnose(undefined);
      expect(refusals).to.have.length(1);
      expect(refusals[0]).to.contain("pulumi config set breakingChangesReadUpTo v2.0.0");
    });

    it("finds a release that was taken back, unless it is named again", async () => {
      const taken = { sequence: 4, at: "2026-03-02T12:00:00Z", cause: "it exited" };
      const read = { breakingChangesReadUpTo: "v2.0.0" };
      serve({ reverted: [{ ...taken, commit: await commitOf("v2.0.0") }] });
      await configure("v2.0.0", read);
      expect((await diagnose(undefined)).refusals.join()).to.contain("pulumi config set retry 4");
      await configure("v2.0.0", { ...read, retry: 4 });
      expect(await diagnose(undefined)).to.deep.equal(nothing);
    });

    it("finds migrations that the release doesn't know, unless a way for the database is chosen", async () => {
      const newer = { version: 9, description: "shout", checksum: "9".repeat(96) };
      const identity = { systemIdentifier: "7", oid: "16384" };
      const read = { breakingChangesReadUpTo: "v2.0.0" };
      serve({ database: { identity, applied: [...running.migrations, newer] } });
      await configure("v2.0.0", read);
      expect((await diagnose(undefined)).refusals.join()).to.contain("009 shout");
      const rollback = { database: "backup", job: 3, backup: BACKUP };
      await configure("v2.0.0", { ...read, rollback });
      expect(await diagnose(undefined)).to.deep.equal(nothing);
    });

    it("finds a variable that is not set, and not one that is set as a secret", async () => {
      await configure("v1.1.0");
      const { refusals } = await diagnose(undefined);
      expect(refusals.join()).to.contain("its compose file requires API_KEY, which is not set");
      await withSecrets("    API_KEY:\n      secure: v1:abc");
      expect(await diagnose(undefined)).to.deep.equal(nothing);
      await withSecrets("    OTHER:\n      secure: v1:abc");
      expect((await diagnose(undefined)).refusals.join()).to.contain("requires API_KEY");
      // Encrypted as a whole: nobody knows what is in it.
      await withSecrets("    secure: v1:abc");
      expect(await diagnose(undefined)).to.deep.equal(nothing);
    });

    it("finds a database that runs and does not answer, which is refused in a report as well", async () => {
      serve();
      const { database: _, ...silent } = server.state ?? {};
      const { serving } = server.state ?? {};
      const known = { ...servingRecord(running.commit), configurationDigest: "digest" };
      const record = { ...serving, serving: known };
      server.state = { ...silent, serving: record, databaseIsSilent: true } as ServerState;
      await configure("v2.0.0", { breakingChangesReadUpTo: "v2.0.0" });
      const text = "The database runs but does not answer";
      expect((await diagnose(undefined)).refusals.join()).to.contain(text);
      const report = await readReport(undefined, undefined, new Date(0));
      expect(report?.refusals.join()).to.contain(text);
    });

    it("finds that there is no room for the update, or that there may be none", async () => {
      const identity = { systemIdentifier: "7", oid: "16384" };
      serve({ database: { identity, applied: running.migrations, size: 10e9 } });
      await configure("v2.0.0", { breakingChangesReadUpTo: "v2.0.0" });
      const unsure = await diagnose(undefined);
      expect(unsure.refusals).to.deep.equal([]);
      expect(unsure.warnings.join()).to.contain("There may be too little room for v2.0.0");
      await server.nextRun();
      server.room = { refusals: ["too little disk space"] };
      const sure = await diagnose(undefined);
      expect(sure.refusals.join()).to.contain("There is no room for v2.0.0");
      expect(sure.warnings).to.deep.equal([]);
    });

    it("finds what the server would refuse to do by the clock, and to tell", async () => {
      await configure("v1.0.0", {
        backup: { schedule: "daily UTC", copyTo: "/mnt/backups" },
        alerts: { mail: "admin@example.org" },
      });
      server.foreseenTimers = { refusals: ["it is not mounted"], isSet: false };
      expect((await diagnose(undefined)).refusals).to.deep.equal(["it is not mounted"]);
      expect(server.timersForeseen.map(({ verb }) => verb)).to.deep.equal([
        "foresee-schedule",
        "foresee-alerts",
      ]);
    });

    it("finds secrets in plain text, and never says them", async () => {
      const refusals = async (settings: Record<string, unknown>): Promise<string> => {
        await configure("v1.0.0", settings);
        return (await diagnose(undefined)).refusals.join();
      };
      const said = [
        await refusals({ secretEnv: { GIPHY_API_KEY: "topsecret" } }),
        await refusals({ alerts: { webhook: "https://hooks.example.org/topsecret" } }),
      ];
      expect(said[0]).to.contain("secretEnv: this stands in the stack file in plain text");
      expect(said[1]).to.contain("alerts.webhook: this stands in the stack file in plain text");
      expect(said.join()).not.to.contain("topsecret");
    });

    it("finds what stays in plain only where it is encrypted", async () => {
      const configured = { release: "v1.0.0", repository: sample.path };
      await pulumi.configuredAs(configured, ["url", "server"]);
      const { refusals } = await diagnose(undefined);
      expect(refusals.join()).to.match(
        /:server: one of its values is encrypted.*\n.*:url: this is encrypted/,
      );
      await pulumi.configuredAs({ repository: sample.path }, ["release"]);
      const [text = ""] = (await diagnose(undefined)).refusals;
      expect(text).to.contain("release: this is encrypted").and.not.to.contain("is missing");
      await pulumi.configuredAs(configured, ["alerts.webhook"]);
      expect((await diagnose(undefined)).refusals.join()).to.contain(
        "alerts.webhook: this was set without --path. Example: pulumi config rm alerts.webhook",
      );
    });

    it("finds wrong names of secret variables", async () => {
      await withSecrets(
        "    DB_PASSWORD:\n      secure: v1:abc\n    GIFY_API_KEY:\n      secure: v1:abc",
      );
      const { refusals } = await diagnose(undefined);
      expect(refusals.join())
        .to.contain("secretEnv.DB_PASSWORD: this variable is made by this tool")
        .and.to.contain("secretEnv.GIFY_API_KEY: Chatalot has no such variable");
    });

    it("takes no encrypted value for a wrong one", async () => {
      const named = ["ICE_SERVERS", "TURN_PASSWORD"].map(
        (name) => `    ${name}:\n      secure: v1:abc`,
      );
      await withSecrets(named.join("\n"), "v1.0.0");
      expect(await diagnose(undefined)).to.deep.equal(nothing);
    });

    it("finds what is wrong beside a secret webhook", async () => {
      const withAlerts = async (lines: string): Promise<string> => {
        await restart(`config:\n  chatalot-deploy:alerts:\n${lines}\n`);
        await pulumi.configuredAs(
          { release: "v1.0.0", repository: sample.path, server: { host: "chat.example.org" } },
          ["alerts"],
        );
        return (await diagnose(undefined)).refusals.join();
      };
      const webhook = "    webhook:\n      secure: v1:abc\n";
      expect(await withAlerts(`${webhook}    every: 1 parsec`)).to.contain(
        "alerts.every: expected",
      );
      expect(await withAlerts("    webhok:\n      secure: v1:abc")).to.contain(
        "alerts.webhok: there is no such key; the nearest is alerts.webhook",
      );
      expect(await withAlerts(`${webhook}    every: 10 minutes`)).to.equal("");
      expect(await withAlerts("    secure: v1:abc")).to.equal("");
    });

    it("names a job that is under way: as a refusal where up would ask for something else", async () => {
      const openJob = {
        ...{ sequence: 7, kind: "backup" as const, requestedBy: "sam@desk" },
        ...{ openedAt: "2026-03-02T12:00:00Z", step: "J4" },
      };
      serve({ openJob });
      await configure("v2.0.0", { breakingChangesReadUpTo: "v2.0.0" });
      const { refusals } = await diagnose(undefined);
      expect(refusals).to.have.length(1);
      expect(refusals[0]).to.contain("Another job is under way: number 7 (backup) of sam@desk");
      const commit = await commitOf("v2.0.0");
      serve({ openJob: { ...openJob, kind: "switch", release: { name: "v2.0.0", commit } } });
      await server.nextRun();
      const same = await diagnose(undefined);
      expect(same.refusals).to.deep.equal([]);
      expect(same.warnings.join()).to.contain("Job 7 (switch to v2.0.0) of sam@desk is under way");
    });
  });

  describe("prepare", () => {
    it("refuses breaking changes until they were read", async () => {
      const commit = await commitOf("v2.0.0");
      serve({ prepared: [running.commit, commit] });
      const context = listeningContext();
      await configure("v1.0.0");
      const error: unknown = await prepare(undefined, "v2.0.0", context).catch(
        (caught: unknown) => caught,
      );
      expect((error as Error).message).to.contain("breakingChangesReadUpTo v2.0.0");
      await configure("v1.0.0", { breakingChangesReadUpTo: "v2.0.0" });
      expect(await prepare(undefined, "v2.0.0", context)).to.equal(false);
      expect(context.told.join()).to.contain(`v2.0.0 (${commit.slice(0, 7)}) is on the server`);
    });

    it("names the release that the stack lacks for the swap, where it is there already, too", async () => {
      serve({ prepared: [running.commit, await commitOf("v1.1.0")] });
      const told = async (configured: string): Promise<string> => {
        await configure(configured);
        const context = listeningContext();
        await prepare(undefined, "v1.1.0", context);
        return context.told.at(-1) ?? "";
      };
      expect(await told("v1.0.0")).to.match(
        /To swap: pulumi config set release v1\.1\.0, then pulumi up$/,
      );
      expect(await told("v1.1.0")).to.match(/To swap: pulumi up$/);
    });
  });

  describe("report", () => {
    const required = async () =>
      (await readReport(undefined, undefined, new Date(0)))?.plan.required;

    it("knows which variables are set, secret ones as well", async () => {
      await configure("v1.1.0");
      expect(await required()).to.deep.equal([{ name: "API_KEY", isSet: false }]);
      await withSecrets("    API_KEY:\n      secure: v1:abc");
      expect(await required()).to.deep.equal([{ name: "API_KEY", isSet: true }]);
    });

    it("never takes a release for what serves already because its repository can't be read", async () => {
      const commit = "2".repeat(40);
      const prepared = { name: "v1.1.0", commit, migrations: running.migrations };
      const nothing = { missing: [], pending: [], databases: [] };
      serve({ prepared: [running.commit, commit] });
      server.history = {
        ...{ protocol: PROTOCOL, jobs: [] },
        waysBack: [{ release: { name: "v1.1.0", commit }, prepared, ...nothing }],
      };
      await configure(`v1.1.0@${commit}`, { repository: "/nowhere/at/all" });
      const error: unknown = await readReport(undefined, undefined, new Date(0)).catch(
        (caught: unknown) => caught,
      );
      expect((error as Error).message).to.match(
        /^There is no report on v1\.1\.0 \(2222222\): it can't be planned, because the repository could not be read: fatal: .*pulumi preview$/,
      );
      await configure("v1.0.0");
      expect(await readReport(undefined, undefined, new Date(0))).to.equal(undefined);
    });

    it("tells a service behind a profile only where that is configured", async () => {
      const coturn = "  coturn: { image: 'coturn:4.6', profiles: [turn] }\n";
      const compose = REQUIRING.replace(", environment: { API_KEY: '${API_KEY:?}' }", "");
      const commit = await sample.commit({ "docker-compose.yml": `${compose}${coturn}` });
      const added = async (settings: Record<string, unknown>): Promise<string[] | undefined> => {
        const read = { breakingChangesReadUpTo: commit };
        await configure(commit, { ...read, ...settings });
        const { plan } = (await readReport(undefined, undefined, new Date(0))) ?? {};
        return plan?.services.added;
      };
      expect(await added({})).to.deep.equal([]);
      expect(await added({ profiles: "turn" })).to.deep.equal(["coturn"]);
    });

    it("has what the preview refuses: by the release, the database and the settings", async () => {
      const refusals = async (): Promise<string> =>
        ((await readReport(undefined, undefined, new Date(0)))?.refusals ?? []).join();
      await configure("v2.0.0");
      expect(await refusals()).to.contain("pulumi config set breakingChangesReadUpTo v2.0.0");
      await configure("v2.0.0", { breakingChangesReadUpTo: "v2.0.0" });
      expect(await refusals()).to.equal("");
      const newer = { version: 9, description: "shout", checksum: "9".repeat(96) };
      const identity = { systemIdentifier: "7", oid: "16384" };
      serve({ database: { identity, applied: [...running.migrations, newer] } });
      await server.nextRun();
      expect(await refusals()).to.contain("009 shout");
      serve();
      await server.nextRun();
      await configure("v1.1.0");
      expect(await refusals()).to.contain("requires API_KEY, which is not set");
    });
  });

  /** A release with these lines of `secretEnv` in the stack file. */
  async function withSecrets(lines: string, release = "v1.1.0"): Promise<void> {
    await restart(`config:\n  chatalot-deploy:secretEnv:\n${lines}\n`);
    const moreEnv = ["API_KEY", "OTHER"];
    await pulumi.configuredAs(
      { release, repository: sample.path, server: { host: "chat.example.org" }, moreEnv },
      ["secretEnv"],
    );
  }

  /** The stack with another stack file. */
  async function restart(stackText: string): Promise<void> {
    await pulumi.leave();
    await pulumi.arrive(stackText);
  }
});
