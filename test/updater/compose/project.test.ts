import { mkdir, rename, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { ComposeProject } from "../../../updater/drivers/compose/project.ts";
import { instancePaths } from "../../../updater/paths.ts";
import { useServerPrograms } from "../server-programs.ts";
import { useTemporaryDirectory } from "../temporary.ts";

describe("a Compose project", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  const release = () => ({ directory: temporary("releases", "a-1"), profiles: ["turn"] });
  let project: ComposeProject;

  beforeEach(async () => {
    project = new ComposeProject(instancePaths(temporary()), "chat");
    await mkdir(release().directory, { recursive: true });
    await writeFile(temporary("releases", "a-1", "compose.yaml"), "services: {}\n");
    await services("chatalot");
  });

  const services = (...names: string[]): Promise<void> =>
    programs.composeIs(Object.fromEntries(names.map((name) => [name, { state: "running" }])), []);
  const timesAsked = async (): Promise<number> =>
    (await programs.calls()).filter((call) => call.endsWith(" config --format json")).length;

  it("is read once for the same files, also by several at a time", async () => {
    await Promise.all([
      project.otherServices(release()),
      project.dependencies(release(), "chatalot"),
      project.publishedPorts(release()),
    ]);
    await project.serverEnvironment(release());
    expect(await timesAsked()).to.equal(1);
  });

  it("is read anew where a file of the release was replaced, or for another rendering", async () => {
    await project.otherServices(release());
    const next = temporary("next.yaml");
    await writeFile(next, "services: {}\n");
    await rename(next, temporary("releases", "a-1", "compose.yaml"));
    await services("chatalot", "postgres");
    expect(await project.otherServices(release())).to.deep.equal(["postgres"]);
    await services("chatalot", "coturn");
    const without = { ...release(), profiles: [] };
    expect(await project.otherServices(without)).to.deep.equal(["coturn"]);
    expect(await timesAsked()).to.equal(3);
  });

  it("is read anew where it is told that files of the operator's may be others", async () => {
    await project.otherServices(release());
    await services("chatalot", "bot");
    expect(await project.otherServices(release())).to.deep.equal([]);
    project.forget();
    expect(await project.otherServices(release())).to.deep.equal(["bot"]);
  });

  it("is read anew where it could not be read", async () => {
    await programs.dockerIs("down");
    await project.otherServices(release()).then(
      () => expect.fail("it can be read"),
      () => undefined,
    );
    expect(await timesAsked()).to.equal(1);
    await project.otherServices(release()).catch(() => undefined);
    expect(await timesAsked()).to.equal(2);
  });

  it("has each service behind what it depends on", async () => {
    const needs = (...names: string[]) => ({
      state: "created",
      depends_on: Object.fromEntries(names.map((name) => [name, {}])),
    });
    await programs.composeIs(
      {
        bridge: needs("redis", "chatalot"),
        chatalot: needs("postgres", "gone"),
        redis: needs("volume"),
        postgres: needs(),
        volume: needs(),
      },
      [],
    );
    expect(await project.otherServices(release())).to.deep.equal([
      ...["volume", "redis", "postgres", "bridge"],
    ]);
    expect([...(await project.dependencies(release(), "bridge"))]).to.have.members([
      ...["redis", "volume", "chatalot", "postgres", "gone"],
    ]);
  });
});
