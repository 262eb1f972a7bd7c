import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { readMessages, startProber } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import {
  chatUrl,
  cleanServer,
  DIRECTORY,
  operatorOf,
  sampleRepository,
} from "./support/fixture.ts";
import {
  appliedMigrations,
  COMMIT_LABEL,
  DATABASE,
  eventsOf,
  healthOf,
  ledgerOf,
  query,
  releaseImages,
  SERVER,
  shell,
  theContainer,
  webVersion,
} from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

/** How far our figure of the downtime may be from the prober's: both ask only now and then. */
const TOLERANCE = 5_000;

/** The server is proven by looks that may take long on a busy machine; users get answers before. */
const LOOKS = 20_000;

describe("update", () => {
  let demo: DemoServer;
  let operator: Operator;
  let url: string;
  let tags: Readonly<Record<string, string>>;

  before(async () => {
    demo = await cleanServer();
    url = chatUrl(demo);
    tags = (await sampleRepository()).tags;
    operator = await operatorOf(demo);
    await operator.configure({ release: "v1.0.0" });
    const { exitCode, output } = await operator.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
  });
  after(() => operator?.leave());

  it("lets the old release serve until the new image is there, and loses no message", async () => {
    const before = await theContainer(demo, SERVER);
    const databaseBefore = await theContainer(demo, DATABASE);
    await operator.configure({ release: "v1.1.0" });
    const begun = Date.now();
    const prober = startProber({ baseUrl: url });

    const { exitCode, output } = await operator.up();
    const seen = await prober.stop();

    expect(exitCode, output).to.equal(0);
    expect(output).to.contain("DONE v1.1.0");
    expect(await webVersion(url)).to.equal("1.1.0");
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
    const after = await theContainer(demo, SERVER);
    expect(after.labels[COMMIT_LABEL]).to.equal(tags["v1.1.0"]);
    expect(after.id).to.not.equal(before.id);
    expect(after.restartPolicy).to.equal("unless-stopped");

    const stopped = (await eventsOf(demo, SERVER, begun)).find(({ action }) => action === "kill");
    const image = (await releaseImages(demo))[tags["v1.1.0"] ?? ""];
    expect(image, "the image is there before the stop").to.be.greaterThan(begun);
    expect(image, "the image is there before the stop").to.be.lessThan(stopped?.at ?? 0);
    const [gap] = seen.gaps;
    expect(seen.gaps).to.have.length(1);
    // A request may be under way when the server is stopped.
    expect(gap?.from, "it answers until the stop").to.be.greaterThan(
      (stopped?.at ?? 0) - TOLERANCE,
    );

    expect(seen.acknowledgedMarkers).to.not.be.empty;
    expect(await prober.missingMarkers()).to.deep.equal([]);
    const rows = await query(demo, "SELECT text FROM messages");
    expect(rows).to.include.members([...seen.acknowledgedMarkers]);
    const { id, startedAt } = await theContainer(demo, DATABASE);
    expect({ id, startedAt }).to.deep.equal({
      id: databaseBefore.id,
      startedAt: databaseBefore.startedAt,
    });

    const { downtimeSeconds } = await operator.outputs();
    const told = (await ledgerOf(demo)).at(-1)?.durations.downtime;
    for (const milliseconds of [Number(downtimeSeconds) * 1_000, told])
      expect(milliseconds).to.be.within(seen.longestGap - TOLERANCE, seen.longestGap + LOOKS);
  });

  it("brings a changed setting with one restart and without a build", async () => {
    const before = { images: await releaseImages(demo), ledger: (await ledgerOf(demo)).length };
    const old = await theContainer(demo, SERVER);
    expect(old.environment).to.include({ MAX_FILE_SIZE_MB: "100" });
    // The release's file fixes this value; the operator's wins.
    await operator.configure({ "env.MAX_FILE_SIZE_MB": 250 });
    const begun = Date.now();

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    const { environment, labels, id } = await theContainer(demo, SERVER);
    expect(environment).to.include({ MAX_FILE_SIZE_MB: "250" });
    expect(labels[COMMIT_LABEL]).to.equal(tags["v1.1.0"]);
    expect(id).to.not.equal(old.id);
    const actions = (await eventsOf(demo, SERVER, begun)).map(({ action }) => action);
    expect(actions.filter((action) => action === "start")).to.have.length(1);
    expect(await releaseImages(demo)).to.deep.equal(before.images);
    expect(await ledgerOf(demo)).to.have.length(before.ledger + 1);
  });

  it("applies several migrations, restarts a changed database, and keeps two releases if told so", async () => {
    const database = await theContainer(demo, DATABASE);
    const messages = await readMessages(url);
    const volumes = await volumesWithAges();
    const copies = await copiesOfDatabase();
    await operator.configure({ release: "v1.3.0", "keep.releases": 2 });

    const { exitCode, output } = await operator.up("--skip-preview");

    expect(exitCode, output).to.equal(0);
    expect(await webVersion(url)).to.equal("1.3.0");
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await theContainer(demo, DATABASE)).id).to.not.equal(database.id);
    expect(await readMessages(url)).to.deep.equal(messages);

    const [, point = ""] =
      /gone\s+back\s+to:\s+v1\.0\.0\s+\(\w+\),\s+revert\s+point\s+(\w+)\s+\(/.exec(output) ?? [];
    expect(copies, output).to.deep.equal([point]);
    expect(await copiesOfDatabase())
      .to.have.length(1)
      .and.to.not.include(point);

    const kept = [tags["v1.1.0"], tags["v1.3.0"]];
    expect(Object.keys(await releaseImages(demo))).to.have.members(kept);
    expect(await list("trees")).to.have.members(kept);
    const rendered = (await list("releases")).map((name) => name.split("-")[0]);
    expect([...new Set(rendered)]).to.have.members(kept.map((commit) => commit?.slice(0, 12)));
    expect(await volumesWithAges()).to.deep.equal(volumes);
  });

  atNight(
    "stops before it touches anything when a setting is missing, and goes on once it is there",
    async () => {
      const before = await theContainer(demo, SERVER);
      await operator.configure({ release: "v2.0.0" });
      const prober = startProber({ baseUrl: url });

      const unread = await operator.preview();
      await operator.configure({ breakingChangesReadUpTo: "v2.0.0" });
      const refused = await operator.up("--skip-preview");

      const seen = await prober.stop();
      expect(unread.exitCode, unread.output).to.not.equal(0);
      expect(unread.output)
        .to.contain("v2.0.0 has a breaking change that was not read:")
        .and.to.contain("`PUBLIC_URL` must be set.")
        .and.to.match(/UPDATE +v1\.3\.0 \([0-9a-f]{7}\) -> v2\.0\.0 \([0-9a-f]{7}\) +1 commit\n/)
        .and.to.match(/009 audit log \| audit_log: new table, instant/);
      expect(refused.exitCode, refused.output).to.not.equal(0);
      expect(refused.output).to.contain("its compose file requires PUBLIC_URL, which is not set");
      expect(seen.failedRequests).to.equal(0);
      const { id, startedAt } = await theContainer(demo, SERVER);
      expect({ id, startedAt }).to.deep.equal({ id: before.id, startedAt: before.startedAt });

      await operator.configure({ url });
      const { exitCode, output } = await operator.up("--skip-preview");

      expect(exitCode, output).to.equal(0);
      expect(await healthOf(url)).to.include({ status: "ok", version: "2.0.0" });
      expect((await theContainer(demo, SERVER)).environment).to.include({ PUBLIC_URL: url });
      expect(await appliedMigrations(demo)).to.include(9);
      expect(await prober.missingMarkers()).to.deep.equal([]);
    },
  );

  async function copiesOfDatabase(): Promise<string[]> {
    return query(demo, "SELECT datname FROM pg_database WHERE starts_with(datname, 'chatalot_')");
  }

  async function list(folder: string): Promise<string[]> {
    return (await shell(demo, 'ls "$1"', `${DIRECTORY}/${folder}`)).split("\n");
  }

  async function volumesWithAges(): Promise<string> {
    return shell(
      demo,
      "docker volume inspect --format '{{.Name}} {{.CreatedAt}} {{.Mountpoint}}' chatalot_postgres_data chatalot_file_storage",
    );
  }
});
