import { expect } from "chai";
import { backupSchedule } from "../../provider/backup-schedule.ts";
import type { Wire } from "../../provider/codec.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { ScheduleState } from "../../updater/schedule/protocol.ts";
import { FakeServer } from "./support/fake-server.ts";
import { listeningContext, place, servingState } from "./support/samples.ts";

const SCHEDULE = { backup: "daily UTC", keep: 7 };
const INPUTS: Wire = { place, schedule: SCHEDULE };

describe("the schedule of backups", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    await server.arrive();
  });
  afterEach(() => server.leave(original));

  function found(schedule: Partial<ScheduleState>): void {
    const none = { routines: {}, keep: 7, drift: [], problems: [] };
    server.state = servingState({ schedule: { ...none, ...schedule } });
  }

  it("shows timers that were removed or changed as drift, which an up mends", async () => {
    found({ drift: ["the timer x does not run"] });
    const { additions } = await backupSchedule.check(listeningContext(), INPUTS, INPUTS);
    expect(additions["drift"]).to.equal("the timer x does not run");
    expect(backupSchedule.diff(INPUTS, { ...INPUTS, ...additions })).to.equal(true);
  });

  it("shows timers that are all gone as drift, but not before they were ever set", async () => {
    server.state = servingState({});
    const check = async (olds: Wire): Promise<unknown> =>
      (await backupSchedule.check(listeningContext(), olds, INPUTS)).additions["drift"];
    expect(await check(INPUTS)).to.equal("there is none of them any more");
    expect(await check({})).to.equal(undefined);
  });

  it("warns of a backup that failed, which no up mends", async () => {
    found({ problems: ["the last scheduled backup failed"] });
    const context = listeningContext();
    const { additions } = await backupSchedule.check(context, INPUTS, INPUTS);
    expect(context.warnings).to.deep.equal(["the last scheduled backup failed."]);
    expect(additions["drift"]).to.equal(undefined);
    expect(backupSchedule.diff(INPUTS, { ...INPUTS, ...additions })).to.equal(false);
  });

  describe("that the server would refuse", () => {
    const reason = "backup.copyTo can't be used: /mnt/backups is not there.";
    const CHANGED: Wire = { place, schedule: { ...SCHEDULE, copyTo: "/mnt/backups" } };
    beforeEach(() => {
      found({});
      server.foreseenTimers = { refusals: [reason], isSet: false };
    });
    const check = async (olds: Wire, news: Wire) => {
      const context = listeningContext();
      const { refusals } = await backupSchedule.check(context, olds, news);
      return { refusals, warnings: context.warnings };
    };

    it("is refused before anything is changed, at first and where it is changed", async () => {
      const refused = { refusals: [reason], warnings: [] };
      expect(await check({}, CHANGED)).to.deep.equal(refused);
      expect(await check(INPUTS, CHANGED)).to.deep.equal(refused);
      expect(server.timersForeseen).to.deep.equal([
        {
          verb: "foresee-schedule",
          request: { protocol: 1, directory: place.directory, schedule: CHANGED["schedule"] },
        },
      ]);
      expect(server.schedules).to.deep.equal([]);
    });

    it("is refused where an up would set it anew because it was changed on the server", async () => {
      found({ drift: ["the timer x does not run"] });
      expect((await check(INPUTS, INPUTS)).refusals).to.deep.equal([reason]);
    });

    it("is not asked for where nothing is to be done, and not before the first deployment", async () => {
      expect((await check(INPUTS, INPUTS)).refusals).to.deep.equal([]);
      server.state = undefined;
      await server.nextRun();
      expect((await check({}, CHANGED)).refusals).to.deep.equal([]);
      server.state = servingState({});
      server.hasUpdater = false;
      await server.nextRun();
      expect((await check({}, CHANGED)).refusals).to.deep.equal([]);
      expect(server.timersForeseen).to.deep.equal([]);
    });

    it("is a warning to one who doesn't know the last run, where it is set so already", async () => {
      server.foreseenTimers = { refusals: [reason], isSet: true };
      expect(await check({}, CHANGED)).to.deep.equal({ refusals: [], warnings: [reason] });
      expect((await check(INPUTS, CHANGED)).refusals).to.deep.equal([reason]);
    });
  });

  it("sets the timers and tells when the next backup is taken", async () => {
    found({});
    server.scheduleAnswer = { answer: "set", next: { backup: "2026-11-26T00:00:00Z" } };
    const context = listeningContext();
    const { id, outputs } = await backupSchedule.create(context, { ...INPUTS, drift: "x" });
    expect(id).to.equal(place.project);
    expect(outputs).to.deep.equal({ ...INPUTS, instanceId: "instance-a" });
    expect(server.schedules).to.deep.equal([
      { protocol: 1, directory: place.directory, schedule: SCHEDULE },
    ]);
    expect(context.told).to.deep.equal(["next backup: 2026-11-26T00:00:00Z"]);
  });

  it("fails with the reasons of a server that refuses the times", async () => {
    found({});
    server.scheduleAnswer = { answer: "refused", reasons: ["no such zone"] };
    let message = "";
    await backupSchedule
      .update(listeningContext(), INPUTS, INPUTS)
      .catch((error: Error) => (message = error.message));
    expect(message).to.equal("no such zone");
  });

  it("takes the timers of its own instance away, and tells of those that stay", async () => {
    const context = listeningContext();
    const { outputs } = await backupSchedule.create(context, {
      ...INPUTS,
      instanceId: "instance-a",
    });
    await backupSchedule.delete(context, outputs);
    const own = { protocol: 1, directory: place.directory, instanceId: "instance-a" };
    expect(server.schedules[1]).to.deep.equal(own);
    expect(context.told.join()).to.contain("No backup is taken by the clock any more");
    server.removedAnswer = { answer: "refused", reasons: ["It holds instance b."] };
    await backupSchedule.delete(context, outputs);
    expect(context.warnings).to.deep.equal([
      "The server's timers were left there: It holds instance b.",
    ]);
  });

  it("asks for other times, another number or place, and for nothing else", () => {
    const keepsMore = { ...INPUTS, schedule: { ...SCHEDULE, keep: 8 } };
    expect(backupSchedule.diff(INPUTS, keepsMore)).to.equal(true);
    expect(backupSchedule.diff(INPUTS, { ...INPUTS, instanceId: "x" })).to.equal(false);
  });
});
