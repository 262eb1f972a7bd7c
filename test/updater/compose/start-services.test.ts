import { expect } from "chai";
import type { ComposeProject } from "../../../updater/drivers/compose/project.ts";
import {
  isDatabaseRedefined,
  startOrder,
  startServices,
} from "../../../updater/drivers/compose/start-services.ts";
import { inspectedContainer, useServerPrograms } from "../server-programs.ts";
import { OLD_COMMIT } from "../samples.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

describe("startServices", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  const release = { directory: "/srv/chat/releases/a", profiles: [] };

  /** Compose that gives up whatever has the database among it. */
  function impatient(): { compose: ComposeProject; asked: string[] } {
    const asked: string[] = [];
    const startOthers: ComposeProject["startOthers"] = async (_, services) => {
      asked.push(services.join());
      if (services.includes("postgres")) throw new Error("container chatalot-db is unhealthy");
    };
    const compose: Pick<ComposeProject, "name" | "startOthers"> = { name: "chat", startOthers };
    return { compose: compose as ComposeProject, asked };
  }

  it("waits for a database that Compose has given up, and starts the others then", async () => {
    await programs.containerIs(inspectedContainer(OLD_COMMIT, true));
    const { compose, asked } = impatient();
    await startServices(compose, release, ["postgres", "coturn"]);
    expect(asked).to.deep.equal(["postgres,coturn", "coturn"]);
    expect((await programs.calls()).some((call) => call.includes("pg_isready"))).to.equal(true);
  });

  it("gives up a database that ends again and again only where it runs from another image", async () => {
    await programs.containerIs({ ...inspectedContainer(OLD_COMMIT, true), RestartCount: 5 });
    const compose = {
      name: "chat",
      startOthers: (_: unknown, _services: unknown, { signal }: { signal?: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("was canceled")));
        }),
    } as unknown as ComposeProject;
    const options = { isImpatient: true };
    const { message } = await errorOf(async () =>
      startServices(compose, release, ["postgres"], options),
    );
    expect(message).to.contain("ended again when Docker had started it 5 times");
    const { compose: patient } = impatient();
    await startServices(patient, release, ["postgres"]);
  });

  it("is as impatient as Compose with every other service", async () => {
    const compose = {
      name: "chat",
      startOthers: async () => {
        throw new Error("container chatalot-turn is unhealthy");
      },
    } as unknown as ComposeProject;
    const { message } = await errorOf(async () => startServices(compose, release, ["coturn"]));
    expect(message).to.equal("container chatalot-turn is unhealthy");
    expect((await programs.calls()).join()).not.to.contain("pg_isready");
  });

  /** Compose that can't start some services, and gives up at the first of them. */
  function failing(...bad: string[]): { compose: ComposeProject; running: Set<string> } {
    const running = new Set<string>();
    const startOthers: ComposeProject["startOthers"] = async (_, services) => {
      for (const service of services) {
        if (bad.includes(service)) throw new Error(`${service} exited`);
        running.add(service);
      }
    };
    const compose: Pick<ComposeProject, "name" | "startOthers"> = { name: "chat", startOthers };
    return { compose: compose as ComposeProject, running };
  }

  it("starts every service that can be, and hands on those that can't with their reasons", async () => {
    await programs.containerIs(inspectedContainer(OLD_COMMIT, true));
    for (const database of [[], ["postgres"]]) {
      const { compose, running } = failing("coturn", "proxy");
      const failed: string[] = [];
      await startServices(compose, release, [...database, "coturn", "tunnel", "proxy"], {
        ifNotStarted: (service, error) => failed.push(`${service}: ${String(error)}`),
      });
      expect([...running]).to.have.members([...database, "tunnel"]);
      expect(failed).to.deep.equal(["coturn: Error: coturn exited", "proxy: Error: proxy exited"]);
    }
  });

  it("takes a service that ended without an error for one that has done its work", async () => {
    await programs.containerIs(inspectedContainer(OLD_COMMIT, false));
    const { compose, running } = failing("migrate-files");
    await startServices(compose, release, ["migrate-files", "coturn"]);
    expect([...running]).to.deep.equal(["coturn"]);
    const ended = { Status: "exited", Running: false, StartedAt: "", ExitCode: 1 };
    await programs.containerIs({ ...inspectedContainer(OLD_COMMIT, false), State: ended });
    const { message } = await errorOf(() => startServices(compose, release, ["migrate-files"]));
    expect(message).to.equal("migrate-files exited");
  });
});

describe("startOrder", () => {
  const facts = (service: string, state: string) => ({
    ...{ service, state, isUnhealthy: false, configHash: "c0ffee" },
  });
  const before = [
    ...[facts("postgres", "running"), facts("coturn", "running")],
    ...[facts("once", "exited"), facts("tunnel", "restarting"), facts("cache", "exited")],
  ];
  const stopped = ["postgres", "coturn", "once", "tunnel", "cache", "new"];
  const needed = new Set(["postgres", "cache"]);

  it("has an update wait for what ran before, is new, or is needed, and for nothing else", () => {
    const { first, later, mayLack } = startOrder(stopped, { needed, before, mustServe: false });
    expect(first).to.deep.equal(["postgres", "coturn", "cache", "new"]);
    expect(later).to.deep.equal(["once", "tunnel"]);
    expect(stopped.filter(mayLack)).to.deep.equal(later);
  });

  it("has the server that must serve wait for what it needs, and fail by its database alone", () => {
    const { first, later, mayLack } = startOrder(stopped, { needed, before, mustServe: true });
    expect(first).to.deep.equal(["postgres", "cache"]);
    expect(later).to.deep.equal(["coturn", "once", "tunnel", "new"]);
    expect(stopped.filter((service) => !mayLack(service))).to.deep.equal(["postgres"]);
    const unnamed = startOrder(["postgres"], { needed: new Set(), before, mustServe: true });
    expect(unnamed.first).to.deep.equal(["postgres"]);
  });
});

describe("isDatabaseRedefined", () => {
  const ran = { service: "postgres", state: "running", configHash: "a" };

  it("says so of a database that ran by another definition", () => {
    expect(isDatabaseRedefined([ran], [{ service: "postgres", configHash: "b" }])).to.equal(true);
  });

  it("says nothing of one that is the same, that is new or did not run, or of other services", () => {
    const made = { service: "postgres", configHash: "b" };
    expect(isDatabaseRedefined([ran], [ran])).to.equal(false);
    expect(isDatabaseRedefined([], [made])).to.equal(false);
    expect(isDatabaseRedefined([{ ...ran, state: "exited" }], [made])).to.equal(false);
    expect(isDatabaseRedefined([ran], [])).to.equal(false);
    const turn = { ...ran, service: "coturn" };
    expect(isDatabaseRedefined([turn, ran], [{ ...turn, configHash: "b" }, ran])).to.equal(false);
  });
});
