import { expect } from "chai";
import { GateError, type GatePass, passGate } from "../../updater/gate.ts";
import type { GateLimits, HealthAnswer } from "../../updater/protocol.ts";
import { container, FakeDriver, healthy } from "./fake-driver.ts";
import { applied, DATABASE, NEW_COMMIT, release } from "./samples.ts";
import { errorOf } from "./temporary.ts";
import { useVirtualTime } from "./virtual-time.ts";

const IMAGE = `chatalot:${NEW_COMMIT}`;
const LIMITS: GateLimits = { timeout: 60_000, migrationTimeout: 600_000, mustStayGoodFor: 10_000 };
const SILENCE: HealthAnswer = { reachable: false, problem: "nothing listens yet" };
const TOO_MANY: HealthAnswer = { reachable: true, httpStatus: 429, problem: "too many requests" };

describe("passGate", () => {
  const time = useVirtualTime();
  let driver: FakeDriver;
  let told: string[];

  beforeEach(() => {
    told = [];
    driver = new FakeDriver();
    driver.current = container(NEW_COMMIT);
    driver.images.set(IMAGE, { id: `sha256:${NEW_COMMIT}`, commit: NEW_COMMIT });
    driver.healthAnswer = healthy();
    driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2) };
  });

  function pass(limits: GateLimits = LIMITS): Promise<GatePass> {
    const expected = { release: release(NEW_COMMIT), image: IMAGE, database: DATABASE };
    return passGate(driver, expected, limits, (text) => told.push(text), time.signal);
  }

  it("is passed by a server that stays good for as long as asked, not earlier", async () => {
    const { server, database } = await pass();
    expect(time.elapsed).to.be.within(10_000, 10_800);
    expect(server.id).to.equal(driver.current?.id);
    expect(database.identity).to.deep.equal(DATABASE);
    expect(told).to.deep.equal(["healthy; watching it for 10 s"]);
  });

  it("is passed at the first good answer where nothing is to be watched", async () => {
    await pass({ ...LIMITS, mustStayGoodFor: 0 });
    expect(time.elapsed).to.equal(0);
  });

  it("stays below the rate limit: three probes a second at most", async () => {
    let looks = 0;
    driver.onLook = () => (looks += 1);
    await pass();
    expect(looks).to.be.at.most(31);
  });

  it("is given up by a look that began behind the limit, not by one that hung", async () => {
    driver.healthAnswer = SILENCE;
    let looks = 0;
    driver.onLook = () => {
      looks += 1;
      if (looks === 2) time.pass(90_000);
      if (looks > 2) driver.healthAnswer = healthy();
    };
    await pass({ ...LIMITS, timeout: 90_500 });
    expect(told).to.deep.equal([
      "not healthy yet: nothing listens yet",
      "healthy; watching it for 10 s",
    ]);
  });

  it("is not passed by a look that hung: what it found is as old as its beginning", async () => {
    let looks = 0;
    driver.onLook = () => {
      looks += 1;
      if (looks === 2) time.pass(LIMITS.mustStayGoodFor);
      if (looks > 2)
        driver.current = container(NEW_COMMIT, { running: false, status: "exited", exitCode: 1 });
    };
    expect((await errorOf(() => pass())).message).to.equal(
      "it ended after it was healthy with exit code 1",
    );
  });

  it("tells when the server first answered well, for the downtime", async () => {
    driver.healthAnswer = SILENCE;
    driver.onLook = () => {
      if (time.elapsed >= 5_000) driver.healthAnswer = healthy();
    };
    const begun = Date.now();
    const { firstGoodAt } = await pass();
    expect(firstGoodAt - begun).to.be.within(5_000, 5_400);
    expect(told[0]).to.equal("not healthy yet: nothing listens yet");
  });

  const never: [string, (fake: FakeDriver) => void, string][] = [
    [
      "a degraded server that answers 200",
      (fake) => (fake.healthAnswer = healthy({ status: "degraded", databaseHealthy: false })),
      'its status is "degraded"; it can\'t reach its database',
    ],
    [
      "another version",
      (fake) => (fake.healthAnswer = healthy({ version: "0.16.0" })),
      "it reports version 0.16.0",
    ],
    [
      "another commit's container",
      (fake) => (fake.current = container(NEW_COMMIT, { commit: "c".repeat(40) })),
      "it is labelled cccc",
    ],
    [
      "an image that its tag doesn't name",
      (fake) => fake.images.set(IMAGE, { id: "sha256:other", commit: NEW_COMMIT }),
      "it runs image bbbbbbbbbbbb",
    ],
    [
      "another database",
      (fake) =>
        (fake.currentDatabase = {
          identity: { systemIdentifier: "1", oid: "1" },
          applied: applied(1, 2),
        }),
      "this is another database",
    ],
    [
      "an empty database that the server says is healthy",
      (fake) => (fake.currentDatabase = { identity: DATABASE, applied: [] }),
      "migrations not applied: 1, 2",
    ],
  ];
  for (const [what, arrange, text] of never)
    it(`is never passed by ${what}`, async () => {
      arrange(driver);
      const error = await errorOf(() => pass());
      expect(error).to.be.instanceOf(GateError);
      expect(error.message).to.contain("not healthy after 60 s: ").and.to.contain(text);
      expect(time.elapsed).to.be.within(60_000, 61_000);
    });

  it("is never passed by a server that flaps", async () => {
    let looks = 0;
    driver.onLook = () => {
      looks += 1;
      driver.healthAnswer = looks % 20 === 0 ? SILENCE : healthy();
    };
    expect((await errorOf(() => pass())).message).to.contain("not healthy after 60 s");
    expect(told).to.include("it was healthy and is not any more: nothing listens yet");
  });

  it("begins to watch anew when another container takes the place", async () => {
    driver.onLook = () => {
      if (time.elapsed >= 9_000) driver.current = container(NEW_COMMIT, { id: "another" });
    };
    await pass();
    expect(time.elapsed).to.be.within(19_000, 20_000);
  });

  it("takes too many requests for neither good nor bad", async () => {
    let looks = 0;
    driver.onLook = () => {
      looks += 1;
      driver.healthAnswer = looks % 3 === 0 ? TOO_MANY : healthy();
    };
    await pass();
    expect(time.elapsed).to.be.within(10_000, 11_000);
    expect(told).to.have.length(1);
  });

  it("takes a server for what it is that Docker had restarted before the job", async () => {
    driver.current = container(NEW_COMMIT, { restartCount: 2 });
    const expected = { release: release(NEW_COMMIT), image: IMAGE, database: DATABASE };
    const passed = (before: { id: string; restartCount: number }): Promise<GatePass> =>
      passGate(driver, { ...expected, before }, LIMITS, () => undefined, time.signal);
    await passed({ id: driver.current.id, restartCount: 2 });
    const again = await errorOf(() => passed({ id: driver.current?.id ?? "", restartCount: 1 }));
    expect(again.message).to.contain("it was restarted 1 times");
    const another = await errorOf(() => passed({ id: "another", restartCount: 2 }));
    expect(another.message).to.contain("it was restarted 2 times");
  });

  it("watches services that got another image: one that ends again and again is none that runs", async () => {
    const expected = { release: release(NEW_COMMIT), image: IMAGE, services: ["coturn"] };
    const passed = (): Promise<GatePass> =>
      passGate(driver, expected, LIMITS, () => undefined, time.signal);
    for (const [values, text] of [
      [undefined, "coturn has no container"],
      [{ running: false, status: "exited" }, "coturn is exited"],
      [{ restartCount: 3 }, "coturn ended and was started again 3 times"],
    ] as const) {
      driver.side.clear();
      if (values !== undefined) driver.side.set("coturn", container("", values));
      expect((await errorOf(passed)).message).to.contain(text);
    }
    driver.side.set("coturn", container(""));
    await passed();
  });

  const hopeless: [string, Parameters<typeof container>[1] | undefined, string][] = [
    ["ended", { running: false, status: "exited", exitCode: 101 }, "by itself with exit code 101"],
    ["is dead", { running: false, status: "dead", exitCode: 139 }, "by itself with exit code 139"],
    ["was killed for want of memory", { outOfMemory: true }, "want of memory"],
    ["was restarted", { restartCount: 2 }, "it was restarted 2 times"],
    ["is gone", undefined, "its container is gone"],
  ];
  for (const [what, values, text] of hopeless)
    it(`waits for nothing when the server ${what}, and shows its log`, async () => {
      driver.current = values === undefined ? undefined : container(NEW_COMMIT, values);
      driver.log = ["applying migration 2", "panicked"];
      const { message } = await errorOf(() => pass());
      expect(message).to.contain(text);
      expect(message).to.contain("Its last log lines:\n  applying migration 2\n  panicked");
      expect(time.elapsed).to.equal(0);
    });

  it("looks once more at a server that was killed, for want of memory that is told later", async () => {
    const killed = { running: false, status: "exited", exitCode: 137 };
    driver.current = container(NEW_COMMIT, killed);
    driver.onLook = () => {
      if (time.elapsed > 0)
        driver.current = container(NEW_COMMIT, { ...killed, outOfMemory: true });
    };
    expect((await errorOf(() => pass())).message).to.equal("it was killed for want of memory");
    driver.onLook = () => (driver.current = container(NEW_COMMIT, killed));
    expect((await errorOf(() => pass())).message).to.equal("it ended by itself with exit code 137");
  });

  it("tells an end after a good answer from one before", async () => {
    driver.onLook = () => {
      if (time.elapsed >= 3_000)
        driver.current = container(NEW_COMMIT, { running: false, status: "exited", exitCode: 1 });
    };
    expect((await errorOf(() => pass())).message).to.equal(
      "it ended after it was healthy with exit code 1",
    );
  });

  it("gives migrations their own time and the server its own behind it", async () => {
    driver.healthAnswer = SILENCE;
    driver.currentDatabase = { identity: DATABASE, applied: applied(1) };
    driver.onLook = () => {
      if (time.elapsed >= 500_000)
        driver.currentDatabase = { identity: DATABASE, applied: applied(1, 2) };
      if (time.elapsed >= 550_000) driver.healthAnswer = healthy();
    };
    await pass();
    expect(time.elapsed).to.be.within(560_000, 561_500);
  });

  it("gives up migrations that take too long", async () => {
    driver.healthAnswer = SILENCE;
    driver.currentDatabase = { identity: DATABASE, applied: applied(1) };
    expect((await errorOf(() => pass())).message).to.equal("its migrations took longer than 600 s");
    expect(time.elapsed).to.be.within(600_000, 601_000);
  });

  it("counts a server that never listens once its migrations are done", async () => {
    driver.healthAnswer = SILENCE;
    expect((await errorOf(() => pass())).message).to.contain("not healthy after 60 s");
  });

  it("ends at once when it is aborted", async () => {
    driver.healthAnswer = SILENCE;
    const controller = new AbortController();
    driver.onLook = () => controller.abort(new Error("stopped"));
    const expected = { release: release(NEW_COMMIT), image: IMAGE };
    const error = await errorOf(() =>
      passGate(driver, expected, LIMITS, () => undefined, controller.signal),
    );
    expect(error.message).to.equal("stopped");
  });
});
