import { mkdir } from "node:fs/promises";
import { expect } from "chai";
import { ensureInstance } from "../../updater/instance.ts";
import { Job } from "../../updater/job.ts";
import { instancePaths } from "../../updater/paths.ts";
import {
  type JobRequest,
  PROTOCOL,
  type RemoveRequest,
  type SubmitAnswer,
} from "../../updater/protocol.ts";
import { comparedWith, requestDigest } from "../../updater/submit.ts";
import { switchPlan } from "./samples.ts";
import { useServerPrograms } from "./server-programs.ts";
import { useTemporaryDirectory } from "./temporary.ts";

describe("a request while a job is open", () => {
  const temporary = useTemporaryDirectory();
  useServerPrograms(temporary);
  const paths = () => instancePaths(temporary("chat"));

  const common = (): Omit<RemoveRequest, "kind"> => ({
    ...{ protocol: PROTOCOL, directory: temporary("chat"), project: "chat", volumes: [] },
    requestedBy: "me@here",
  });
  /** There is no backup: without a job it is refused. */
  const checkAll = (): JobRequest => ({ ...common(), kind: "check-backups" });
  const remove = (): JobRequest => ({ ...common(), kind: "remove" });

  async function open(request: JobRequest): Promise<void> {
    const { target: _, ...plan } = switchPlan();
    await Job.open(
      paths(),
      7,
      { ...plan, kind: request.kind },
      {
        ...{ type: "opened", protocol: PROTOCOL, sequence: 7, kind: request.kind },
        ...{ requestId: "of what the server was then", requestedBy: "somebody@somewhere" },
        asked: await requestDigest(paths(), request),
        runner: { node: "/usr/bin/node", updater: "/opt/updater.mjs" },
      },
    );
  }

  async function answerTo(request: JobRequest): Promise<SubmitAnswer> {
    const found = await comparedWith(paths(), await ensureInstance(paths(), "chat"), request);
    if (!("answer" in found)) throw new Error("a job would be opened for it");
    return found.answer;
  }

  beforeEach(async () => {
    await ensureInstance(paths(), "chat");
    await mkdir(paths().jobs, { recursive: true });
  });

  it("is refused for what it asks where no job is open", async () => {
    expect(JSON.stringify(await answerTo(checkAll()))).to.contain("There is no backup yet");
  });

  it("is refused because of that job, and not for what it asks", async () => {
    await open(remove());
    const answer = await answerTo(checkAll());
    expect(answer.answer).to.equal("refused");
    expect(JSON.stringify(answer))
      .to.contain("Another job is under way: number 7")
      .and.to.not.contain("There is no backup yet");
  });

  it("is attached to the job that it opened, whatever the server is like meanwhile", async () => {
    await open(checkAll());
    const { id } = await ensureInstance(paths(), "chat");
    expect(await answerTo({ ...checkAll(), requestedBy: "another@elsewhere" })).to.deep.equal({
      ...{ answer: "attached", sequence: 7, instanceId: id },
    });
  });
});
