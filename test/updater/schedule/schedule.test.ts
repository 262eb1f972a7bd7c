import { readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { removeAlerts } from "../../../updater/alerts/alerts.ts";
import { ensureInstance } from "../../../updater/instance.ts";
import { nameExists, removeDurably } from "../../../updater/files.ts";
import { type InstancePaths, instancePaths } from "../../../updater/paths.ts";
import { PROTOCOL } from "../../../updater/protocol.ts";
import { removeSchedule } from "../../../updater/schedule/schedule.ts";
import { useServerPrograms } from "../server-programs.ts";
import { useTemporaryDirectory } from "../temporary.ts";

for (const [what, remove, fileOf] of [
  ["schedule", removeSchedule, ({ schedule }: InstancePaths) => schedule],
  ["alerts", removeAlerts, ({ alerts }: InstancePaths) => alerts],
] as const)
  describe(`the end of the ${what} of an instance`, () => {
    const temporary = useTemporaryDirectory();
    const programs = useServerPrograms(temporary);
    let paths: InstancePaths;
    let id: string;

    beforeEach(async () => {
      paths = instancePaths(temporary("chat"));
      ({ id } = await ensureInstance(paths, "chat"));
      await writeFile(fileOf(paths), "{}");
    });

    const ask = (instanceId?: string) =>
      remove({
        ...{ protocol: PROTOCOL, directory: paths.directory },
        ...(instanceId === undefined ? {} : { instanceId }),
      });

    it("is refused to a stack that deployed another one, and nothing is touched", async () => {
      expect(await ask("0123456789abcdef")).to.deep.equal({
        answer: "refused",
        reasons: [
          `This stack deployed instance 0123456789abcdef; ${paths.directory} holds instance ${id}. It is ` +
            "another server, or its disk was replaced. Nothing was changed.",
        ],
      });
      expect(await readFile(fileOf(paths), "utf8")).to.equal("{}");
      expect(await programs.calls()).to.deep.equal([]);
    });

    it("comes by its own stack, by one that does not know its id, and where the instance is gone", async () => {
      for (const meant of [id, undefined]) {
        await writeFile(fileOf(paths), "{}");
        expect(await ask(meant)).to.deep.equal({ answer: "removed" });
        expect(await nameExists(fileOf(paths))).to.equal(false);
      }
      await removeDurably(paths.instanceFile);
      expect(await ask("0123456789abcdef")).to.deep.equal({ answer: "removed" });
    });
  });
