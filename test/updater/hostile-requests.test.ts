import { expect } from "chai";
import { HOST_PROBE } from "../../provider/server/host-facts.ts";
import { localTransport } from "../../transport/index.ts";
import { historyRequestSchema } from "../../updater/history-protocol.ts";
import { inspectRequestSchema } from "../../updater/inspect.ts";
import { guardAgainstExecution, HOSTILE_VALUES, named } from "../support/hostile-values.ts";
import { useServerPrograms } from "./server-programs.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("hostile requests", function () {
  this.timeout(120_000);
  guardAgainstExecution();
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);

  it("of a look at an instance and of its history are refused but for words", () => {
    const look = { directory: "/srv/chatalot", project: "chat", volumes: [] };
    const history = { directory: "/srv/chatalot", project: "chat", filesVolume: "files" };
    for (const value of HOSTILE_VALUES) {
      const isPath = value === "/tmp/PWNED" || value === "/etc/passwd";
      const isWord = /^[a-zA-Z]{1,20}$/.test(value);
      for (const [schema, request] of [
        [inspectRequestSchema, look],
        [historyRequestSchema, history],
      ] as const) {
        const taken = (changes: object): boolean =>
          schema.safeParse({ ...request, ...changes }).success;
        expect(taken({ directory: value }), named(value)).to.equal(isPath);
        expect(taken({ project: value }), named(value)).to.equal(value === "constructor");
      }
      for (const member of ["filesVolume", "compareWith"] as const) {
        const isName = isWord || (member === "compareWith" && /^[\w-]{1,63}$/.test(value));
        expect(
          historyRequestSchema.safeParse({ ...history, [member]: value }).success,
          `${member} ${named(value)}`,
        ).to.equal(isName);
      }
    }
  });

  it("are words to the look at the host, whatever the settings had let through", async () => {
    const transport = localTransport();
    const values = HOSTILE_VALUES.filter((value) => !/[\0\n]/.test(value) && value.length < 200);
    for (const value of values) {
      const argv = ["sh", "-c", HOST_PROBE, "probe", `/${value}`, value, "8080", value];
      const { stdout, exitCode } = await transport.run("look", argv, {
        timeout: 30_000,
        asRoot: false,
      });
      expect(exitCode, named(value)).to.equal(0);
      expect(stdout).to.contain("system=Linux");
    }
    const calls = await programs.calls();
    for (const value of values) {
      expect(calls, named(value)).to.include(
        `docker volume inspect --format {{.Name}} {{.Mountpoint}} -- ${value}`,
      );
      const ps = calls.filter((call) => call.includes(`com.docker.compose.project=${value} `));
      expect(ps.length, named(value)).to.be.at.least(1);
    }
  });
});
