import { mkdir, readFile } from "node:fs/promises";
import { expect } from "chai";
import type { ContainerFacts, LedgerRecord } from "../../updater/protocol.ts";
import type { JobContext } from "../../updater/steps/step.ts";
import { SWITCH_STEPS } from "../../updater/steps/switch.ts";
import { container, type FakeDriver, healthy } from "./fake-driver.ts";
import {
  applied,
  DATABASE,
  ledgerRecord,
  makeContext,
  migration,
  NEW_COMMIT,
  OLD_COMMIT,
  release,
  switchPlan,
} from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

type Context = JobContext & { driver: FakeDriver };

describe("the steps of a switch", () => {
  const temporary = useTemporaryDirectory();
  const changing = /^(stopServer|start|setRestartPolicy|remove)/;

  /** A server with the old release and everything ready for the new one. */
  async function ready(previous: LedgerRecord = ledgerRecord()): Promise<Context> {
    const context = await makeContext(temporary(), switchPlan({ previous }), [previous]);
    const { driver } = context;
    driver.current = container(OLD_COMMIT);
    for (const commit of [OLD_COMMIT, NEW_COMMIT])
      driver.images.set(`chatalot:${commit}`, { id: `sha256:${commit}`, commit });
    driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2) };
    driver.healthAnswer = healthy();
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

  async function undo(id: string, context: Context): Promise<void> {
    await step(id).undo?.run(context);
  }

  it("touch the service from J6 on, and not before", () => {
    const touching = SWITCH_STEPS.filter(({ touchesService }) => touchesService === true);
    expect(SWITCH_STEPS.map(({ id }) => id).join()).to.equal("J1,J4,J5,J5a,J5b,J6,J7,J8,J9");
    expect(touching.map(({ id }) => id).join()).to.equal("J6,J7,J8,J9");
    const undone = SWITCH_STEPS.flatMap(({ id, undo }) => (undo ? [`${id} by ${undo.id}`] : []));
    expect(undone.join()).to.equal("J6 by R3,J7 by R2,J8 by R1");
  });

  describe("J1", () => {
    it("gets everything that is needed later, and stops nothing", async () => {
      const context = await ready();
      await step("J1").run(context);
      expect(context.driver.calls).to.deep.equal(["fetchOthers", "proveImage", "ownSecrets"]);
    });

    const refused: [string, (context: Context) => void, string][] = [
      ["an image that is not there", ({ driver }) => driver.images.clear(), "is not on the server"],
      [
        "an image of another commit under the right name",
        ({ driver }) =>
          driver.images.set(`chatalot:${NEW_COMMIT}`, { id: "sha256:x", commit: OLD_COMMIT }),
        `is labelled ${OLD_COMMIT}, not ${NEW_COMMIT}`,
      ],
      [
        "an image that nobody labelled",
        ({ driver }) => driver.images.set(`chatalot:${NEW_COMMIT}`, { id: "sha256:x" }),
        "is labelled with no commit",
      ],
      [
        "another PostgreSQL",
        ({ driver }) =>
          (driver.currentDatabase = {
            identity: { ...DATABASE, systemIdentifier: "7002" },
            applied: applied(1, 2),
          }),
        "the database is another one",
      ],
      [
        "another database in the same PostgreSQL",
        ({ driver }) =>
          (driver.currentDatabase = { identity: { ...DATABASE, oid: "1" }, applied: [] }),
        "the database is another one than this instance's: system 7001, oid 1, not system 7001, oid 16384. " +
          'What to do: docs/recovery.md, "Restore the database"',
      ],
      [
        "an emptied volume",
        ({ driver }) => {
          driver.currentDatabase = undefined;
          driver.volumeIsEmpty = true;
        },
        "the volume chat_postgres_data is empty, but this instance has a database",
      ],
      [
        "a volume that is gone",
        ({ driver }) => {
          driver.currentDatabase = undefined;
          driver.volumeIsEmpty = undefined;
        },
        "the volume chat_postgres_data is gone",
      ],
      [
        "a release without an applied migration",
        ({ driver }) =>
          (driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2, 3) }),
        "v1.1.0 can't start on this database: 3 step is applied and unknown to it",
      ],
      [
        "a release that edited an applied migration",
        ({ job }) => {
          if (job.plan.release !== undefined)
            job.plan.release.migrations = [migration(1), migration(2, "e")];
        },
        "2 step was edited after it was applied",
      ],
      [
        "a port that somebody else has",
        ({ driver }) => (driver.port = "nginx (process 7)"),
        "port 8080 on 127.0.0.1 is used by nginx (process 7)",
      ],
      [
        "images that can't be fetched",
        ({ driver }) => driver.broken.add("fetchOthers"),
        "fetchOthers is broken",
      ],
      [
        "an image that is not whole",
        ({ driver }) => driver.broken.add("proveImage"),
        "proveImage is broken",
      ],
      [
        "keys that can't be handed over",
        ({ driver }) => driver.broken.add("ownSecrets"),
        "ownSecrets is broken",
      ],
    ];
    for (const [what, arrange, text] of refused)
      it(`refuses ${what} before anything is stopped`, async () => {
        const context = await ready();
        arrange(context);
        expect((await errorOf(async () => step("J1").run(context))).message).to.contain(text);
        expect(context.driver.calls.filter((call) => changing.test(call))).to.deep.equal([]);
      });

    it("starts a stopped database to look at it, by the files of what served last", async () => {
      const context = await ready();
      const { driver } = context;
      driver.databaseInVolume = driver.currentDatabase;
      driver.currentDatabase = undefined;
      await step("J1").run(context);
      expect(driver.calls).to.deep.equal([
        `startDatabase ${temporary("releases", "aaaaaaaaaaaa-1")}`,
        "fetchOthers",
        "proveImage",
        "ownSecrets",
      ]);
    });

    it("refuses a database that runs and does not answer", async () => {
      const context = await ready();
      context.driver.currentDatabase = undefined;
      context.driver.isDatabaseRunning = true;
      const { message } = await errorOf(async () => step("J1").run(context));
      expect(message).to.contain("runs but does not answer");
    });

    it("tells later steps which migrations an existing database will get", async () => {
      const context = await ready();
      expect(await step("J1").run(context)).to.deep.equal({ pending: [] });
      if (context.job.plan.release !== undefined)
        context.job.plan.release.migrations = [1, 2, 3, 4].map((version) => migration(version));
      expect(await step("J1").run(context)).to.deep.equal({ pending: [3, 4] });
    });

    it("refuses migrations where users can't be kept out meanwhile, and nothing else", async () => {
      const context = await ready();
      context.driver.doorless = "users can't be kept out: chatalot has network_mode";
      await step("J1").run(context);
      if (context.job.plan.release !== undefined)
        context.job.plan.release.migrations = [1, 2, 3].map((version) => migration(version));
      const { message } = await errorOf(async () => step("J1").run(context));
      expect(message).to.contain("chatalot has network_mode");
      expect(context.driver.calls.filter((call) => changing.test(call))).to.deep.equal([]);
    });

    it("still knows the database of a deployment that was removed", async () => {
      const context = await makeContext(temporary(), switchPlan(), [
        ledgerRecord(),
        ledgerRecord({ kind: "remove" }),
      ]);
      context.driver.images.set(`chatalot:${NEW_COMMIT}`, { id: "sha256:x", commit: NEW_COMMIT });
      context.driver.volumeIsEmpty = true;
      const { message } = await errorOf(async () => step("J1").run(context));
      expect(message).to.contain("a start would show an empty chat");
    });

    it("takes an empty server for what it is at the first deployment", async () => {
      const context = await makeContext(temporary());
      context.driver.images.set(`chatalot:${NEW_COMMIT}`, { id: "sha256:x", commit: NEW_COMMIT });
      context.driver.volumeIsEmpty = true;
      await step("J1").run(context);
    });
  });

  /** As after a J1 that found migrations to come. */
  async function migrating(): Promise<Context> {
    const context = await ready();
    await context.job.record({ type: "done", step: "J1", facts: { pending: [3] } });
    return context;
  }

  it("J6 stops the server where migrations are to come, and notes when only where one ran", async () => {
    const context = await migrating();
    const { driver } = context;
    const facts = await step("J6").run(context);
    expect(facts).to.have.property("stoppedAt").that.is.a("number");
    expect(driver.calls).to.deep.equal(["setRestartPolicy no", "stopServer"]);
    expect(await step("J6").run(context)).to.deep.equal({});
  });

  it("J6 lets the server serve on until it is replaced where no migration is to come", async () => {
    const context = await ready();
    expect(await step("J6").run(context)).to.deep.equal({});
    expect(context.driver.calls).to.deep.equal(["setRestartPolicy no"]);
  });

  it("J8 starts the release's own folder with its profiles and notes when the old one ended", async () => {
    const context = await ready();
    context.driver.replaced = { stoppedAt: 1_700_000_000_000 };
    expect(await step("J8").run(context)).to.deep.equal({
      door: "open",
      stoppedAt: 1_700_000_000_000,
    });
    expect(context.driver.calls).to.deep.equal([
      `start ${temporary("releases", "bbbbbbbbbbbb-2")} turn`,
    ]);
  });

  it("J8 lets nobody in while the database is migrated", async () => {
    const context = await migrating();
    expect(await step("J8").run(context)).to.deep.equal({ door: "closed" });
    expect(context.driver.calls).to.deep.equal([
      `start ${temporary("releases", "bbbbbbbbbbbb-2")} turn behind a closed door`,
    ]);
  });

  it("J9 leaves what a later revert needs to start exactly this again", async () => {
    const context = await ready();
    context.driver.current = container(NEW_COMMIT);
    const facts = await step("J9").run(context);
    expect(facts)
      .to.have.property("serving")
      .that.deep.equals({
        releaseDirectory: "releases/bbbbbbbbbbbb-2",
        configurationDigest: "digest",
        image: `chatalot:${NEW_COMMIT}`,
        imageId: `sha256:${NEW_COMMIT}`,
        composeConfigHash: "c0ffee",
        profiles: ["turn"],
        listen: { address: "127.0.0.1", port: 8080 },
        files: {},
        services: {},
        restartPolicy: "unless-stopped",
        database: DATABASE,
        applied: applied(1, 2),
      });
    expect(context.driver.calls).to.deep.equal([]);
  });

  it("J9 fails on a database that is not the ledger's", async () => {
    const context = await ready();
    const ended: ContainerFacts = { ...container(NEW_COMMIT), running: false, status: "exited" };
    const { target } = context.job.plan;
    if (target !== undefined) target.gate.timeout = 0;
    context.driver.current = container(NEW_COMMIT);
    context.driver.currentDatabase = {
      identity: { ...DATABASE, oid: "1" },
      applied: applied(1, 2),
    };
    let looks = 0;
    context.driver.onLook = () => {
      looks += 1;
      if (looks > 3) context.driver.current = ended;
    };
    const { message } = await errorOf(async () => step("J9").run(context));
    expect(message).to.contain("this is another database");
  });

  it("J9 fails where somebody took the port of a server that nobody could reach yet", async () => {
    const context = await migrating();
    context.driver.current = container(NEW_COMMIT);
    context.driver.ports = [{ address: "0.0.0.0", port: 8080 }];
    context.driver.port = "nc (process 7)";
    await context.job.record({ type: "done", step: "J8", facts: { door: "open" } });
    await step("J9").run(context);
    await context.job.record({ type: "done", step: "J8", facts: { door: "closed" } });
    const { message } = await errorOf(async () => step("J9").run(context));
    expect(message).to.equal("port 8080 on 0.0.0.0 was taken by nc (process 7) during the update");
  });

  it("R1 stops the new server", async () => {
    const context = await ready();
    context.driver.current = container(NEW_COMMIT);
    await undo("J8", context);
    expect(context.driver.calls).to.deep.equal(["stopServer"]);
  });

  it("R1 gives a server that migrates, and that nobody could reach, two seconds only", async () => {
    const context = await ready();
    await context.job.record({ type: "done", step: "J1", facts: { pending: [3] } });
    context.driver.current = container(NEW_COMMIT);
    await undo("J8", context);
    expect(context.driver.calls).to.deep.equal(["stopServer within 2 s"]);
  });

  it("R1 leaves the old server alone where it was not replaced yet", async () => {
    const context = await ready();
    await undo("J8", context);
    expect(context.driver.calls).to.deep.equal([]);
  });

  it("R3 starts what the ledger recorded, proves it, and then lets it come back at boot", async () => {
    const context = await ready();
    await undo("J6", context);
    expect(context.driver.calls).to.deep.equal([
      `start ${temporary("releases", "aaaaaaaaaaaa-1")} turn`,
      "setRestartPolicy unless-stopped",
    ]);
  });

  it("R3 starts the old server also where a service beside it can't be started, and tells that", async () => {
    const context = await ready();
    const { driver, job, progress } = context;
    driver.sideFault = "coturn does not run: its port is in use";
    expect((await errorOf(async () => step("J8").run(context))).message).to.contain("coturn");
    await undo("J6", context);
    expect(driver.calls).to.include("setRestartPolicy unless-stopped");
    await progress.flushed();
    expect(await readFile(job.paths.progress, "utf8")).to.match(/R3.*coturn does not run/);
  });

  it("R3 names who has the port when the old server can't be started", async () => {
    const context = await ready();
    context.driver.broken.add("start");
    context.driver.ports = [{ address: "0.0.0.0", port: 8080 }];
    expect((await errorOf(async () => undo("J6", context))).message).to.equal("start is broken");
    context.driver.port = "nc (process 7)";
    const { message } = await errorOf(async () => undo("J6", context));
    expect(message).to.equal("port 8080 on 0.0.0.0 is used by nc (process 7). start is broken");
  });

  it("R3 is not done while the old server is not healthy", async () => {
    const context = await ready();
    context.driver.current = container(OLD_COMMIT, { running: false, status: "exited" });
    const error = await errorOf(async () => undo("J6", context));
    expect(error.message).to.contain("it ended by itself");
    expect(context.driver.calls).to.have.length(1);
  });

  it("R3 is not done on a database with a migration that the old release doesn't know", async () => {
    const previous = ledgerRecord({ release: release(OLD_COMMIT, [1]) });
    const context = await ready(previous);
    const { target } = context.job.plan;
    if (target !== undefined) target.gate.timeout = 0;
    const { message } = await errorOf(async () => undo("J6", context));
    expect(message).to.match(/applied .*2/);
    expect(context.driver.calls).not.to.include("setRestartPolicy unless-stopped");
  });

  it("R3 starts nothing where nothing served before", async () => {
    const context = await makeContext(temporary());
    await undo("J6", context);
    expect(context.driver.calls).to.deep.equal([]);
  });

  it("R3 leaves no closed door behind where nothing served before, and is done also where it can't", async () => {
    const context = await makeContext(temporary());
    await context.job.record({ type: "done", step: "J1", facts: { pending: [3] } });
    await context.job.record({ type: "begun", step: "J8" });
    context.driver.broken.add("openDoor");
    await undo("J6", context);
    expect(context.driver.calls).to.deep.equal(["openDoor"]);
  });
});
