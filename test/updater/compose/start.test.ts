import { expect } from "chai";
import { ComposeDriver } from "../../../updater/drivers/compose/compose-driver.ts";
import { instancePaths } from "../../../updater/paths.ts";
import { OLD_COMMIT } from "../samples.ts";
import { inspectedContainer, useServerPrograms } from "../server-programs.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

describe("the start of a release", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  const release = { directory: "/srv/chat/releases/a", profiles: [] };
  const needs = (service: string) => ({ [service]: { condition: "service_started" } });

  const driver = () => new ComposeDriver(instancePaths(temporary()), "chat");
  const started = async (): Promise<string[]> =>
    (await programs.calls()).flatMap((call) => {
      const [, service] = /^docker compose .* up --detach .* (\S+)$/.exec(call) ?? [];
      return call.startsWith("docker start ")
        ? [call.slice("docker start ".length)]
        : service || [];
    });

  /** All of it stopped; the server needs its cache, which needs a folder. */
  async function serverIs(failing: readonly string[], turn: "created" | "exited"): Promise<void> {
    await programs.containerIs({
      ...inspectedContainer(OLD_COMMIT, false),
      State: { Status: "exited", Running: false, StartedAt: "", ExitCode: 1 },
    });
    await programs.composeIs(
      {
        folder: { state: "created" },
        cache: { state: "created", depends_on: needs("folder") },
        coturn: { state: turn },
        chatalot: { state: "created", depends_on: needs("cache") },
      },
      failing,
    );
  }

  for (const failing of [["coturn"], ["cache"]])
    it(`comes to the server that must serve also where this fails: ${failing.join()}`, async () => {
      await serverIs(failing, "created");
      const told: string[] = [];
      await driver().start(release, { mustServe: true, tell: (text) => told.push(text) });
      expect(await started()).to.include("id-of-chatalot");
      expect((await started()).at(-1)).to.equal("coturn");
      expect(told.join()).to.match(new RegExp(`^${failing.join()} does not run: .*can not be`));
    });

  it("comes to the server of an update where a service fails that did not run before either", async () => {
    await serverIs(["coturn"], "exited");
    const told: string[] = [];
    await driver().start(release, { tell: (text) => told.push(text) });
    expect(await started()).to.deep.equal(["cache", "id-of-chatalot", "coturn"]);
    expect(told.join()).to.match(/^coturn does not run: /);
  });

  it("makes the server that must serve also where a service beside it can't be made", async () => {
    await serverIs([], "created");
    await programs.canNotMake(["coturn"]);
    const told: string[] = [];
    await driver().start(release, { mustServe: true, tell: (text) => told.push(text) });
    expect(await started()).to.deep.equal(["cache", "id-of-chatalot"]);
    expect(told).to.have.length(1);
    expect(told[0]).to.match(/^coturn is not made as it was: .*No such image: coturn/);
    const made = (await programs.calls()).filter((call) => call.includes(" up --no-start "));
    expect(
      made.map((call) => call.split("--timeout ")[1]?.split(" ").slice(1).join(" ")),
    ).to.deep.equal([
      "--remove-orphans",
      "--no-deps chatalot",
      "--no-deps folder",
      "--no-deps cache",
      "--no-deps coturn",
    ]);
  });

  it("starts nothing where the server itself can't be made, or in an update any service", async () => {
    await serverIs([], "created");
    await programs.canNotMake(["chatalot"]);
    const { message } = await errorOf(() => driver().start(release, { mustServe: true }));
    expect(message).to.contain("No such image: chatalot");
    await programs.canNotMake(["coturn"]);
    const updating = await errorOf(() => driver().start(release));
    expect(updating.message).to.contain("No such image: coturn");
    expect(await started()).to.deep.equal([]);
  });

  it("makes a container anew that lacks a file of ours, unless it runs", async () => {
    const Source = temporary("releases", "a-1", "secrets", "jwt_private.pem");
    const Mounts = [{ Type: "bind", Source, Destination: "/run/secrets/jwt" }];
    const removed = async (): Promise<boolean> =>
      (await programs.calls()).includes("docker rm 0123456789ab");
    for (const [running, Mounted, expected] of [
      [true, Mounts, false],
      [false, [], false],
      [false, Mounts, true],
    ] as const) {
      await serverIs([], "created");
      await programs.containerIs({
        ...{ ...inspectedContainer(OLD_COMMIT, running), Mounts: Mounted },
      });
      await programs.composeIs({ chatalot: { state: running ? "running" : "exited" } }, []);
      await driver().start(release);
      expect(await removed()).to.equal(expected);
    }
  });

  it("is of what Compose understands now, whatever it understood before", async () => {
    await serverIs([], "created");
    const one = driver();
    await one.otherServices(release);
    await programs.composeIs({ late: { state: "created" }, chatalot: { state: "created" } }, []);
    await one.start(release);
    expect(await started()).to.deep.equal(["id-of-chatalot", "late"]);
  });

  it("ends before the server of an update where a service fails that it depends on", async () => {
    await serverIs(["folder"], "exited");
    const { message } = await errorOf(() => driver().start(release));
    expect(message).to.contain("folder can not be started");
    expect(await started()).not.to.include("id-of-chatalot");
  });
});
