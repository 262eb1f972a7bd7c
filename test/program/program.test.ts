import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { type Created, DATABASE_PASSWORD, type Program } from "./support/program.ts";
import { RESOLVED, ROOT, runProgram, unwrap } from "./support/program.ts";

const REMOTE = {
  release: "v0.22.6",
  server: '{"host":"chat.example.org","user":"deploy"}',
  env: '{"MAX_FILE_SIZE_MB":250}',
  secretEnv: '{"GIPHY_API_KEY":"topsecret"}',
};

/** The last part of a URN. */
const nameOf = (urn: string): string => urn.split("::").at(-1) ?? "";

const linesOf = (created: Created[]): string[] =>
  created.map(({ type, name, parent }) => `${nameOf(parent)} > ${type} ${name}`).sort();

describe("the program", () => {
  let program: Program;
  let deployment: Created;

  before(async () => {
    program = await runProgram(REMOTE);
    deployment = program.find("chatalot:index:Deployment", "chatalot-deployment");
  });

  /** Another name, type or parent is another URN: what serves would be deleted for it. */
  it("has the resources that deployed stacks have", () => {
    expect(linesOf(program.created)).to.deep.equal([
      " > chatalot:index:Alerts alerts",
      " > chatalot:index:Backups backups",
      " > chatalot:index:ComposeStack chatalot",
      " > chatalot:index:HealthCheck health",
      " > chatalot:index:Secrets secrets",
      " > chatalot:index:Server server",
      " > chatalot:index:Storage storage",
      " > pulumi:providers:chatalot chatalot",
      "chatalot > chatalot:index:Deployment chatalot-deployment",
      "chatalot > chatalot:index:Release chatalot-release",
      "health > chatalot:index:Health health",
      "secrets > random:index/randomPassword:RandomPassword secrets-database-password",
      "secrets > random:index/randomPassword:RandomPassword secrets-root",
      "server > chatalot:index:Host server",
      "storage > docker:index/volume:Volume storage-database",
      "storage > docker:index/volume:Volume storage-files",
      "storage > pulumi:providers:docker storage-docker",
    ]);
  });

  it("tells the provider which server to read while other plugins start", async () => {
    const readsEarly = (of: Program): unknown =>
      of.find("pulumi:providers:chatalot", "chatalot").inputs["readsEarly"];
    expect(readsEarly(program)).to.equal(true);
    // Docker may be installed meanwhile, and what was read before would be out of date.
    expect(readsEarly(await runProgram({ ...REMOTE, prepareServer: "true" }))).to.equal(false);
  });

  it("protects what can't be made again, and keeps the volumes when they leave the state", () => {
    const kept = program.created.filter(({ protect }) => protect);
    expect(kept.map(({ name }) => name).sort()).to.deep.equal([
      "secrets-database-password",
      "secrets-root",
      "storage-database",
      "storage-files",
    ]);
    const retained = program.created.filter(({ retainOnDelete }) => retainOnDelete);
    expect(retained.map(({ name }) => name).sort()).to.deep.equal([
      "storage-database",
      "storage-files",
    ]);
  });

  it("gives the volumes the names that the release's compose file uses", () => {
    const names = ["storage-database", "storage-files"].map(
      (name) => program.find("docker:index/volume:Volume", name).inputs["name"],
    );
    expect(names).to.deep.equal(["chatalot_postgres_data", "chatalot_file_storage"]);
    expect(deployment.inputs["configuration"]).to.include({
      databaseVolume: names[0],
      filesVolume: names[1],
    });
  });

  it("reaches Docker on the same server as the updater", () => {
    const { inputs } = program.find("pulumi:providers:docker", "storage-docker");
    expect(inputs["host"]).to.equal("ssh://deploy@chat.example.org");
  });

  describe("secrets", () => {
    it("are made long enough, and without characters that something would read", () => {
      for (const [name, length] of [
        ["secrets-database-password", 32],
        ["secrets-root", 64],
      ] as const) {
        const { inputs } = program.find("random:index/randomPassword:RandomPassword", name);
        expect(inputs).to.deep.equal({ length, special: false });
      }
    });

    it("reach the deployment in envelopes", () => {
      const { secrets, secretEnv } = deployment.inputs;
      expect(pulumi.runtime.isRpcSecret(secrets)).to.equal(true);
      expect(pulumi.runtime.isRpcSecret(secretEnv)).to.equal(true);
      expect(pulumi.runtime.unwrapRpcSecret(secretEnv)).to.deep.equal({
        GIPHY_API_KEY: "topsecret",
      });
      expect(pulumi.runtime.unwrapRpcSecret(secrets)).to.include({
        databasePassword: DATABASE_PASSWORD,
      });
    });

    it("are in no other resource, and in no output of the stack", async () => {
      const { secrets, secretEnv: _, ...plain } = deployment.inputs;
      const others = program.created.filter((resource) => resource !== deployment);
      const exported = await Promise.all(
        Object.values(program.exports).map((value) => unwrap(pulumi.output(value))),
      );
      const text = JSON.stringify([plain, others.map(({ inputs }) => inputs), exported]);
      const values = Object.values(pulumi.runtime.unwrapRpcSecret(secrets) as object) as string[];
      for (const value of [...values, ROOT, "topsecret"])
        expect(text).not.to.include(JSON.stringify(value).slice(1, -1));
    });
  });

  it("deploys what the release was resolved to", () => {
    expect(deployment.inputs).to.deep.include({ ...RESOLVED, release: "v0.22.6" });
    expect(deployment.inputs["configuration"]).to.deep.include({
      env: { MAX_FILE_SIZE_MB: "250" },
      listen: { address: "127.0.0.1", port: 8080 },
    });
  });

  it("asks every resource for the same instance on the same server", () => {
    const places = program.created.flatMap(({ inputs }) => inputs["place"] ?? []);
    expect(places).to.have.length(5);
    const [first, ...others] = places.map((place) =>
      // A provider's configuration is text.
      typeof place === "string" ? (JSON.parse(place) as unknown) : place,
    );
    for (const place of others) expect(place).to.deep.equal(first);
  });

  it("has the server checked and the volumes made before anything is sent", () => {
    const order = program.created.map(({ type, name }) => `${type} ${name}`);
    const at = (entry: string): number => order.indexOf(entry);
    const release = at("chatalot:index:Release chatalot-release");
    const host = at("chatalot:index:Host server");
    expect(host).to.be.at.least(0);
    for (const volume of ["database", "files"])
      expect(at(`docker:index/volume:Volume storage-${volume}`)).to.be.within(
        host + 1,
        release - 1,
      );
    const stack = program.find("chatalot:index:ComposeStack", "chatalot");
    expect(stack.dependencies.map(nameOf)).to.include.members(["server", "storage-database"]);
    const volume = program.find("docker:index/volume:Volume", "storage-database");
    expect(volume.dependencies.map(nameOf)).to.include("server");
    expect(deployment.dependencies.map(nameOf)).to.include("chatalot-release");
    const health = program.find("chatalot:index:Health", "health");
    expect(health.dependencies.map(nameOf)).to.include("chatalot-deployment");
    expect(health.inputs).to.include({ commit: RESOLVED.commit, deployment: 3, public: "warn" });
  });

  it("exports what an operator looks for", async () => {
    const { address, release, commit, instance, downtimeSeconds, health } = program.exports;
    expect(await unwrap(pulumi.all([address, release, commit, instance]))).to.deep.equal([
      "http://127.0.0.1:8080 on chat.example.org",
      "v0.22.6",
      RESOLVED.commit,
      "instance-a",
    ]);
    expect(await unwrap(pulumi.all([downtimeSeconds, health]))).to.deep.equal([0, "ok"]);
  });
});

describe("the program with other settings", () => {
  it("uses this machine's Docker without a server", async () => {
    const program = await runProgram({ release: "v1" });
    const { inputs } = program.find("pulumi:providers:docker", "storage-docker");
    expect(inputs).not.to.have.any.keys("host", "sshOpts");
    expect(program.find("chatalot:index:Host", "server").inputs["place"]).to.include({
      server: null,
    });
  });

  it("lets the docker plugin reach the server only after Docker was installed there", async () => {
    const program = await runProgram({ ...REMOTE, prepareServer: "true" });
    const order = program.created.map(({ name }) => name);
    const plugin = order.indexOf("storage-docker");
    expect(order.indexOf("server-preparation")).to.be.within(0, plugin - 1);
    expect(order.lastIndexOf("server")).to.be.within(0, plugin - 1);
  });

  it("leaves the volumes to the runner, where the user may not use Docker", async () => {
    const server = JSON.stringify({
      ...{ host: "chat.example.org", user: "deploy", access: "runner" },
    });
    const program = await runProgram({ ...REMOTE, server });
    expect(program.created.filter(({ type }) => type.includes("docker"))).to.deep.equal([]);
    const { inputs } = program.find("chatalot:index:Deployment", "chatalot-deployment");
    expect(inputs["configuration"]).to.include({
      databaseVolume: "chatalot_postgres_data",
      filesVolume: "chatalot_file_storage",
    });
    expect(inputs["place"]).to.deep.include({
      server: { host: "chat.example.org", user: "deploy", access: "runner" },
    });
  });

  it("prepares a server by a constant command that is told the address apart", async () => {
    const first = await runProgram({ ...REMOTE, prepareServer: "true" });
    const second = await runProgram({ release: "v1", prepareServer: "true" });
    const [one, other] = [first, second].map((program) =>
      program.find("command:local:Command", "server-preparation"),
    );
    expect(one?.inputs["create"]).to.equal("node --import tsx cli/prepare-server.ts");
    expect(other?.inputs["create"]).to.equal(one?.inputs["create"]);
    expect(JSON.parse(one?.inputs["stdin"] as string)).to.deep.equal({
      host: "chat.example.org",
      user: "deploy",
    });
    expect(other?.inputs["stdin"]).to.equal("null");
    const host = first.find("chatalot:index:Host", "server");
    expect(host.dependencies.map(nameOf)).to.include("server-preparation");
  });

  it("hands every setting to the resource that acts on it", async () => {
    const program = await runProgram({
      release: "v1",
      repository: "https://example.org/chat.git",
      project: "second",
      server: '{"directory":"/srv/second"}',
      url: "https://chat.example.org",
      listen: '{"address":"0.0.0.0","port":3000}',
      profiles: '["turn"]',
      health: '{"timeout":"90 seconds","public":"required"}',
      keep: '{"releases":2}',
      retry: "7",
      rollback: '{"database":"backup","job":6}',
      hooks:
        '{"beforeUpdate":"~/announce","onFailure":["curl","--max-time",5],"timeLimit":"30 seconds"}',
    });
    const { inputs } = program.find("chatalot:index:Deployment", "chatalot-deployment");
    expect(inputs).to.deep.include({
      keepReleases: 2,
      retry: 7,
      rollback: { way: "backup", job: 6 },
      hooks: {
        beforeUpdate: ["~/announce"],
        onFailure: ["curl", "--max-time", "5"],
        timeLimit: 30_000,
      },
      gate: { timeout: 90_000, migrationTimeout: 1_800_000, mustStayGoodFor: 10_000 },
      configuration: {
        url: "https://chat.example.org",
        listen: { address: "0.0.0.0", port: 3000 },
        env: {},
        profiles: ["turn"],
        databaseVolume: "second_postgres_data",
        filesVolume: "second_file_storage",
      },
    });
    expect(program.find("chatalot:index:Release", "chatalot-release").inputs).to.include({
      repository: "https://example.org/chat.git",
      release: "v1",
    });
    expect(program.find("chatalot:index:Health", "health").inputs).to.include({
      url: "https://chat.example.org",
      public: "required",
    });
    expect(program.find("chatalot:index:Host", "server").inputs["needs"]).to.deep.equal({
      directory: "/srv/second",
      listen: { address: "0.0.0.0", port: 3000 },
      prepareServer: false,
      buildPlace: "server",
    });
  });

  it("makes nothing of settings that are wrong, and says all at once without a stack", async () => {
    const failed: unknown = await runProgram({ release: "main branch", retry: "soon" }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(pulumi.RunError.isInstance(failed)).to.equal(true);
    expect(failed)
      .to.have.property("message")
      .that.includes("2 values are wrong")
      .and.includes("chatalot-deploy:release: expected")
      .and.includes("chatalot-deploy:retry: expected");
  });
});
