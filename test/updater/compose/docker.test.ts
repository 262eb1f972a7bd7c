import { expect } from "chai";
import { docker, endOf } from "../../../updater/drivers/compose/docker.ts";
import { useServerPrograms } from "../server-programs.ts";
import { errorOf, useTemporaryDirectory } from "../temporary.ts";

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

describe("a program in a container", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  const run = (): Promise<string> => docker("ask", ["exec", "0123", "true"]);
  const starts = async (): Promise<number> => (await programs.calls()).length;

  it("is started again where the runtime gave up before it ran", async () => {
    await programs.execFails(2, "OCI runtime exec failed: read init-p: connection reset by peer");
    await run();
    expect(await starts()).to.equal(3);
  });

  it("is not started for ever", async () => {
    await programs.execFails(9, "OCI runtime exec failed: read init-p: connection reset by peer");
    expect((await errorOf(run)).message).to.contain("OCI runtime exec failed");
    expect(await starts()).to.equal(3);
  });

  it("is not started again where it is not there, or where it failed by itself", async () => {
    await programs.execFails(9, 'OCI runtime exec failed: "x": executable file not found in $PATH');
    await errorOf(run);
    await programs.execFails(9, "I give up");
    await errorOf(run);
    expect(await starts()).to.equal(2);
  });
});
