import { access, mkdir, readdir } from "node:fs/promises";
import { expect } from "chai";
import type { ImageChange } from "../../updater/drivers/driver.ts";
import { changesDatabase } from "../../updater/steps/check-update.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { SWITCH_STEPS } from "../../updater/steps/switch.ts";
import { upgradeBy } from "../../updater/steps/upgrade.ts";
import { container, type FakeDriver, healthy } from "./fake-driver.ts";
import {
  applied,
  DATABASE,
  ledgerRecord,
  makeContext,
  NEW_COMMIT,
  release,
  switchPlan,
} from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

type Context = JobContext & { driver: FakeDriver };

const POSTGRES = { image: "postgres:18", major: 18, volume: "chat_postgres_data_pg18_9" };
const CHANGE: ImageChange = {
  service: "postgres",
  from: { reference: "postgres:17", id: "sha256:old", postgresMajor: "17" },
  to: { reference: "postgres:18", id: "sha256:new", postgresMajor: "18" },
};

describe("an upgrade of the database", () => {
  const temporary = useTemporaryDirectory();

  /** The release that serves, asked for with a newer PostgreSQL. */
  async function ready({ isUpgrade = true } = {}): Promise<Context> {
    const previous = ledgerRecord({ release: release(NEW_COMMIT) });
    const plan = switchPlan({ previous });
    if (plan.target !== undefined)
      Object.assign(plan.target, { postgres: POSTGRES, ...(isUpgrade ? { isUpgrade } : {}) });
    const context = await makeContext(temporary(), plan, [previous]);
    const { driver } = context;
    driver.current = container(NEW_COMMIT);
    driver.images.set(`chatalot:${NEW_COMMIT}`, { id: `sha256:${NEW_COMMIT}`, commit: NEW_COMMIT });
    driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2), postgresMajor: 17 };
    driver.databaseInVolume = driver.currentDatabase;
    driver.healthAnswer = healthy();
    driver.otherImages = [CHANGE];
    driver.side.set("postgres", container(""));
    const { target } = context.job.plan;
    await mkdir(temporary(target?.releaseDirectory ?? ""), { recursive: true });
    if (target !== undefined) target.gate.mustStayGoodFor = 0;
    return context;
  }

  function step(id: string) {
    const found = SWITCH_STEPS.find((entry) => entry.id === id);
    if (found === undefined) throw new Error(`there is no step ${id}`);
    return found;
  }

  async function run(context: Context, ...ids: string[]): Promise<void> {
    for (const id of ids) {
      const facts = await step(id).run(context);
      await context.job.record({ type: "done", step: id, ...(facts ? { facts } : {}) });
    }
  }

  const didIn = (context: Context): string[] => context.driver.calls.splice(0);

  it("is placed where the image has its data, once everything is there", async () => {
    const context = await ready();
    await run(context, "J1");
    expect(didIn(context)).to.deep.equal([
      ...["fetchOthers", "holdImage sha256:old", "placeDatabase", "proveImage", "ownSecrets"],
    ]);
    expect(context.job.factsOf("J1")?.upgrade).to.deep.include({
      ...{ from: 17, major: 18, volume: POSTGRES.volume, left: "chat_postgres_data" },
    });
    expect(changesDatabase(context.job)).to.equal(true);
  });

  const refused: [string, (context: Context) => void, string][] = [
    [
      "another image comes from the override file",
      ({ driver }) => (driver.place = { ...driver.place, image: "mine:17", major: 17 }),
      "from the image mine:17, which has PostgreSQL 17, and not 18 as postgres:18 says",
    ],
    [
      "somebody else's database would stay behind",
      ({ driver }) => driver.databaseTools.foreign.push("grafana"),
      "would stay in the old volume: grafana",
    ],
    [
      "another program uses the database",
      ({ driver }) => (driver.databaseTools.otherUser = "a report"),
      "a report uses the database",
    ],
    [
      "there is a volume of the new one's name",
      ({ driver }) => (driver.volume = temporary()),
      `there is a volume ${POSTGRES.volume} already`,
    ],
  ];
  for (const [what, change, text] of refused)
    it(`is refused in J1 where ${what}, and stops nothing`, async () => {
      const context = await ready();
      change(context);
      const { message } = await errorOf(async () => step("J1").run(context));
      expect(message).to.contain(text);
      expect(didIn(context).join()).not.to.match(/stop|start|moveTo/);
    });

  it("backs up, proves, and tries the newer image, before anything stops", async () => {
    const context = await ready();
    await run(context, "J1");
    didIn(context);
    await run(context, "J4", "J5");
    expect(didIn(context)).to.deep.equal(["dump", "prove", "tryImage sha256:new makes data anew"]);
  });

  it("moves the data when the old server has stopped, and starts the new one behind a closed door", async () => {
    const context = await ready();
    await run(context, "J1", "J4", "J5");
    didIn(context);
    await run(context, "J6", "J7", "J8");
    const [, stopped, moved, started] = didIn(context);
    expect([stopped, moved]).to.deep.equal(["stopServer", `moveTo ${POSTGRES.volume}`]);
    expect(started).to.match(/^start .*closed door/);
    expect((await readdir(context.paths.backups)).join()).not.to.contain("partial");
  });

  it("is proven by the identity of the new database, which the ledger gets", async () => {
    const context = await ready();
    await run(context, "J1", "J6", "J7", "J8");
    context.driver.current = container(NEW_COMMIT);
    const { target } = context.job.plan;
    if (target !== undefined) target.gate.timeout = 0;
    const { message } = await errorOf(async () => step("J9").run(context));
    expect(message).to.contain("this is another database");
    context.driver.currentDatabase = {
      identity: { systemIdentifier: "7002", oid: "16385" },
      applied: applied(1, 2),
    };
    await run(context, "J9");
    expect(context.job.factsOf("J9")?.serving).to.deep.include({
      database: { systemIdentifier: "7002", oid: "16385" },
      postgres: POSTGRES,
    });
    expect(upgradeBy(context.job)).to.deep.equal({ from: 17, to: 18, left: "chat_postgres_data" });
  });

  it("leaves no dump where the move fails, and takes only the new volume away", async () => {
    const context = await ready();
    await run(context, "J1", "J6");
    context.driver.databaseTools.faultOfMove = "pg_restore: error";
    const { message } = await errorOf(async () => step("J7").run(context));
    expect(message).to.equal("pg_restore: error");
    expect(await readdir(context.paths.backups)).to.deep.equal([]);
    didIn(context);
    expect(await step("J7").undo?.run(context)).to.deep.equal({ swapped: false });
    const { releaseDirectory = "" } = context.job.plan.previous?.serving ?? {};
    expect(didIn(context)).to.deep.equal([
      `startDatabase ${temporary(...releaseDirectory.split("/"))} made anew`,
      `removeMoved ${POSTGRES.volume}`,
    ]);
    expect(upgradeBy(context.job)).to.equal(undefined);
  });

  it("leaves the new volume where a person had it in hand before the way back was walked again", async () => {
    const context = await ready();
    await run(context, "J1", "J6");
    await context.job.record({
      ...{ type: "reopened", requestedBy: "somebody" },
      runner: { node: "/node", updater: "/updater" },
    });
    didIn(context);
    await step("J7").undo?.run(context);
    expect(didIn(context).join()).not.to.contain("removeMoved");
  });

  it("is over once it was made: the next update stays there, and moves nothing", async () => {
    const context = await ready({ isUpgrade: false });
    context.driver.otherImages = [];
    await run(context, "J1", "J4", "J5", "J6", "J7");
    expect(didIn(context).join()).not.to.match(/moveTo|tryImage|stopServer/);
    expect(changesDatabase(context.job)).to.equal(false);
    await errorOf(async () => access(context.paths.backups));
  });
});
