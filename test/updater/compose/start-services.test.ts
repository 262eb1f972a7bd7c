import { expect } from "chai";
import type { ComposeProject } from "../../../updater/drivers/compose/project.ts";
import { startServices } from "../../../updater/drivers/compose/start-services.ts";
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
    expect(await programs.calls()).to.deep.equal([]);
  });
});
