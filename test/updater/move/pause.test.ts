import { writeFile } from "node:fs/promises";
import { expect } from "chai";
import { ensureInstance } from "../../../updater/instance.ts";
import type { JobPlan } from "../../../updater/job.ts";
import { pauseChat, resumeChat } from "../../../updater/move/pause.ts";
import { instancePaths } from "../../../updater/paths.ts";
import { PROTOCOL } from "../../../updater/protocol.ts";
import { makeContext, switchPlan } from "../samples.ts";
import { useTemporaryDirectory } from "../temporary.ts";

describe("a chat that was stopped for its last backup", () => {
  const temporary = useTemporaryDirectory();
  const about = (kind: "backup" | "check-backups"): JobPlan => {
    const { instanceId, project, requestedBy } = switchPlan();
    return { kind, instanceId, project, requestedBy };
  };
  /** An instance on which a job is under way and nothing serves, so that nothing can be started. */
  const during = async (plan: JobPlan) => {
    const directory = temporary("chat");
    await makeContext(directory, plan);
    await ensureInstance(instancePaths(directory), plan.project);
    return { protocol: PROTOCOL, directory } as const;
  };
  const UNDER_WAY = /Another job is under way/;
  /** Of what is looked at only where no job stands in the way. */
  const NOTHING_SERVES = /No release serves/;

  for (const kind of ["backup", "check-backups"] as const)
    it(`is started again beside a job of the kind ${kind}, and not stopped beside it`, async () => {
      const request = await during(about(kind));
      expect(JSON.stringify(await resumeChat(request))).to.match(NOTHING_SERVES);
      expect(JSON.stringify(await pauseChat(request))).to.match(UNDER_WAY);
    });

  it("is left as it is while an update is under way", async () => {
    const request = await during(switchPlan());
    expect(JSON.stringify(await resumeChat(request))).to.match(UNDER_WAY);
  });

  it("is left as it is where a person has to look, whatever is under way", async () => {
    const request = await during(about("backup"));
    await writeFile(instancePaths(request.directory).needsOperator, "job 1 failed\n");
    expect(JSON.stringify(await resumeChat(request))).to.contain("npx chatalot resolve");
  });
});
