import { expect } from "chai";
import { ComposeDriver } from "../../../updater/drivers/compose/compose-driver.ts";
import { closeDoor, joinNetworks, removeDoor } from "../../../updater/drivers/compose/door.ts";
import { doorProblem, networksOf } from "../../../updater/drivers/compose/server-networks.ts";
import { instancePaths } from "../../../updater/paths.ts";
import { OLD_COMMIT } from "../samples.ts";
import { inspectedContainer, useServerPrograms } from "../server-programs.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

const DOOR = "chat-closed-door";

describe("the closed door", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  const database = { id: "database", state: "running" };

  beforeEach(() => programs.containerIs(inspectedContainer(OLD_COMMIT, false)));

  /** What was done with networks, in order. */
  const changes = async (): Promise<string[]> =>
    (await programs.calls())
      .filter((call) => /^docker network (create|connect|disconnect|rm)/.test(call))
      .map((call) => call.slice("docker network ".length));

  it("leaves the server in an internal network with its database alone", async () => {
    await programs.networksAre({
      outer: { members: ["server", "proxy"] },
      inner: { internal: true, members: ["server", "database"] },
    });
    await closeDoor("chat", "server", [database]);
    expect(await changes()).to.deep.equal(["disconnect outer server"]);
  });

  for (const [what, networks] of [
    [
      "a service of the operator's is in the internal network too",
      {
        inner: { internal: true, members: ["server", "database", "bot"] },
        outer: { members: ["server"] },
      },
    ],
    ["no network is internal", { outer: { members: ["server", "database"] } }],
    [
      "its database is in no internal one of its networks",
      {
        inner: { internal: true, members: ["server"] },
        outer: { members: ["server", "database"] },
      },
    ],
  ] as const)
    it(`is a network of its own where ${what}`, async () => {
      await programs.networksAre(networks);
      await closeDoor("chat", "server", [database]);
      const { [DOOR]: behind, ...others } = await programs.networks();
      expect(behind).to.deep.equal(["database", "server"]);
      expect(Object.values(others).flat()).to.include("database").and.not.include("server");
      const done = await changes();
      expect(done[0]).to.match(/^create --internal --label \S+=chat chat-closed-door$/);
      // By the name that the server asks for; and in there before it is taken out of the others.
      expect(done[1]).to.equal(`connect --alias database ${DOOR} database`);
      expect(done[2]).to.equal(`connect ${DOOR} server`);
    });

  it("lets the server reach what it depends on, and nothing else", async () => {
    await programs.networksAre({
      inner: { internal: true, members: ["server", "database"] },
      outer: { members: ["server", "cache", "bot", "done"] },
      other: { members: ["elsewhere"] },
    });
    await closeDoor("chat", "server", [
      database,
      { id: "cache", state: "running" },
      { id: "done", state: "exited" },
      { id: "elsewhere", state: "running" },
    ]);
    expect(await programs.networks()).to.deep.equal({
      [DOOR]: ["cache", "database", "server"],
      inner: ["database"],
      other: ["elsewhere"],
      outer: ["bot", "cache", "done"],
    });
  });

  it("takes no notice of a service that the server waited for, and that has ended", async () => {
    await programs.networksAre({
      inner: { internal: true, members: ["server", "database", "done"] },
    });
    await closeDoor("chat", "server", [database, { id: "done", state: "exited" }]);
    expect(await changes()).to.deep.equal([]);
  });

  for (const [behind, inner] of [
    [[], ["bot", "database", "server"]],
    [["database"], ["bot", "database", "server"]],
    [
      ["database", "server"],
      ["bot", "database", "server"],
    ],
    [
      ["database", "server"],
      ["bot", "database"],
    ],
    [["database"], ["bot", "database"]],
  ] as const)
    it(`is closed anew after a crash that left ${behind.length} behind it, ${inner.length} before it`, async () => {
      await programs.networksAre({
        [DOOR]: { isDoor: true, members: behind },
        inner: { internal: true, members: inner },
        // By which the server of the next try comes; the one before was made anew, or is in there as well.
        outer: { members: ["server", "database"] },
      });
      await closeDoor("chat", "server", [database]);
      const { [DOOR]: now, ...others } = await programs.networks();
      expect(now).to.deep.equal(["database", "server"]);
      expect(Object.values(others).flat()).not.to.include("server");
    });

  it("leaves no network behind, and nobody in it, when it is removed", async () => {
    await programs.networksAre({
      inner: { internal: true, members: ["server", "database", "bot"] },
    });
    await closeDoor("chat", "server", [database]);
    for (let round = 0; round < 2; round += 1) await removeDoor("chat");
    expect(await programs.networks()).to.deep.equal({ inner: ["bot", "database"] });
  });

  it("gives the server its fixed addresses and options back in each network", async () => {
    await programs.networksAre({ outer: { members: [] }, inner: { members: ["server"] } });
    const file = {
      services: {
        chatalot: {
          container_name: "chatalot-server",
          networks: {
            inner: null,
            outer: {
              aliases: ["chat"],
              ipv4_address: "10.1.2.3",
              ipv6_address: "fd00::3",
              link_local_ips: ["169.254.1.1", "169.254.1.2"],
              driver_opts: { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.x=1" },
              gw_priority: 5,
            },
          },
        },
      },
      networks: { outer: { name: "outer" }, inner: { name: "inner" } },
    };
    await joinNetworks("server", networksOf(file));
    expect(await changes()).to.deep.equal([
      "connect --alias chatalot-server --alias chatalot --alias chat --ip 10.1.2.3 --ip6 fd00::3 " +
        "--link-local-ip 169.254.1.1 --link-local-ip 169.254.1.2 " +
        "--driver-opt com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.x=1 --gw-priority 5 outer server",
    ]);
  });

  describe("of a release", () => {
    const release = { directory: "/srv/chat/releases/a", profiles: [] };
    const driver = () => new ComposeDriver(instancePaths(temporary()), "chat");

    async function serverIs(state: "running" | "exited"): Promise<void> {
      const networks = { inner: null };
      await programs.containerIs(inspectedContainer(OLD_COMMIT, state === "running"));
      await programs.composeIs(
        {
          postgres: { state: "running", networks },
          bot: { state: "running", networks },
          chatalot: { state, networks, depends_on: { postgres: {} } },
        },
        [],
        ["inner"],
      );
    }

    /** A bot is in the network of server and database, so that it takes a door of its own. */
    beforeEach(async () => {
      await serverIs("exited");
      await programs.networksAre({
        inner: { internal: true, members: ["id-of-chatalot", "id-of-postgres", "id-of-bot"] },
      });
    });
    const all = { inner: ["id-of-bot", "id-of-chatalot", "id-of-postgres"] };
    const behindDoor = {
      [DOOR]: ["id-of-chatalot", "id-of-postgres"],
      inner: ["id-of-bot", "id-of-postgres"],
    };

    it("is closed before its server is started, and gone when that is started again", async () => {
      await driver().start(release, { door: "closed" });
      expect(await programs.networks()).to.deep.equal(behindDoor);
      const calls = await programs.calls();
      const closed = calls.indexOf("docker network disconnect inner id-of-chatalot");
      expect(closed).to.be.greaterThan(0).and.below(calls.indexOf("docker start id-of-chatalot"));

      await driver().start(release);
      expect(await programs.networks()).to.deep.equal(all);
      const again = await programs.calls();
      expect(again.findLastIndex((call) => call.includes("network connect --alias"))).to.be.below(
        again.lastIndexOf("docker start id-of-chatalot"),
      );
    });

    it("is closed anew for a server that an earlier job left behind it", async () => {
      for (let job = 0; job < 2; job += 1) await driver().start(release, { door: "closed" });
      expect(await programs.networks()).to.deep.equal(behindDoor);
    });

    it("is opened with a new start of its server, whose connections went through it", async () => {
      await driver().start(release, { door: "closed" });
      await serverIs("running");
      const before = (await programs.calls()).length;
      const opening = driver();
      opening.health = async () => ({ reachable: true });
      for (let round = 0; round < 2; round += 1) await opening.openDoor(release);
      expect(await programs.networks()).to.deep.equal(all);
      const calls = (await programs.calls()).slice(before);
      const lifecycle = calls.filter((call) => /^docker (start|stop|restart) /.test(call));
      expect(lifecycle).to.deep.equal([
        "docker stop -t 30 id-of-chatalot",
        "docker start id-of-chatalot",
      ]);
    });

    it("is taken away from a stopped server without starting it, and when all is removed", async () => {
      await driver().start(release, { door: "closed" });
      const before = (await programs.calls()).length;
      await driver().openDoor(release);
      expect(await programs.networks()).to.deep.equal(all);
      const calls = (await programs.calls()).slice(before);
      expect(calls.filter((call) => call.startsWith("docker start "))).to.deep.equal([]);

      await driver().start(release, { door: "closed" });
      await driver().remove(undefined);
      expect(await programs.networks()).to.not.have.property(DOOR);
    });

    it("fails to close where Docker fails, with the server not started", async () => {
      await programs.networksAre({ [DOOR]: { members: [] } });
      const { message } = await errorOf(() => driver().start(release, { door: "closed" }));
      expect(message).to.contain("already exists");
      expect(await programs.calls()).not.to.include("docker start id-of-chatalot");
    });
  });
});

describe("a release whose door can't be closed", () => {
  const networks = { inner: null };

  it("is none where server and database share a network, internal or not", () => {
    const services = { chatalot: { networks }, postgres: { networks } };
    expect(doorProblem({ services })).to.equal(undefined);
    expect(doorProblem({ services: { chatalot: services.chatalot } })).to.equal(undefined);
  });

  it("has its server or database in a network that nobody can be taken out of", () => {
    const host = { network_mode: "host" };
    expect(doorProblem({ services: { chatalot: host, postgres: { networks } } })).to.match(
      /chatalot has network_mode "host"/,
    );
    expect(doorProblem({ services: { chatalot: { networks }, postgres: host } })).to.match(
      /postgres has network_mode "host"/,
    );
  });

  it("has no network in which both are", () => {
    const services = { chatalot: { networks }, postgres: { networks: { other: null } } };
    expect(doorProblem({ services })).to.contain("share no network");
  });
});
