import { expect } from "chai";
import { endOf } from "../../../updater/drivers/compose/docker.ts";
import { useServerPrograms } from "../server-programs.ts";
import { useTemporaryDirectory } from "../temporary.ts";

describe("endOf", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);

  it("is unknown, and no failure, where Docker knows of no end or does not answer", async () => {
    expect(await endOf("0123", 1_000)).to.equal(undefined);
    await programs.dockerIs("down");
    expect(await endOf("0123", 1_000)).to.equal(undefined);
    const calls = await programs.calls();
    expect(calls.filter((call) => call.startsWith("docker events --since 1 "))).to.have.length(2);
  });
});
