import { expect } from "chai";
import { look } from "../../../updater/drivers/compose/look.ts";
import { inspectedContainer, useServerPrograms } from "../server-programs.ts";
import { useTemporaryDirectory } from "../temporary.ts";

describe("a look at what runs", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);

  const databaseIs = async (running: boolean): Promise<void> => {
    const id = "id-of-postgres";
    await programs.containerIs({ ...inspectedContainer("1".repeat(40), running), Id: id });
    await programs.composeIs({ postgres: { state: running ? "running" : "exited" } }, []);
    await programs.execFails(100, "the database is starting up");
  };

  it("tells a database that runs and is silent from one that is stopped", async () => {
    await databaseIs(true);
    const silent = await look("chat");
    expect(silent).to.include({ databaseRuns: true, database: undefined });
    await databaseIs(false);
    const stopped = await look("chat");
    expect(stopped).to.include({ databaseRuns: false, database: undefined });
  });
});
