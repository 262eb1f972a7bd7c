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
import { Ledger } from "../../updater/ledger.ts";
import { comparedWith, nextSequence, requestDigest } from "../../updater/submit.ts";
import { FakeDatabaseTools } from "./fake-database-tools.ts";
import { ledgerRecord, makeContext, switchPlan } from "./samples.ts";
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

describe("the number of the next job", () => {
  const temporary = useTemporaryDirectory();
  const tools = new FakeDatabaseTools([]);
  const number = async (): Promise<number> => {
    const paths = instancePaths(temporary());
    return nextSequence(paths, await Ledger.read(paths), tools);
  };

  beforeEach(() => {
    tools.databases = ["postgres", "chatalot"];
    tools.invalid = [];
  });

  it("is the one after the last of the ledger and of the jobs' folders", async () => {
    expect(await number()).to.equal(1);
    await makeContext(temporary(), switchPlan(), [ledgerRecord({ sequence: 4 })]);
    expect(await number()).to.equal(6);
  });

  it("is none by which a database of an earlier life of the server is called", async () => {
    tools.databases.push(
      "chatalot_left_1",
      "chatalot_failed_2",
      "chatalot_before_9",
      "other_left_4",
    );
    tools.invalid.push("chatalot_next_3");
    expect(await number()).to.equal(4);
  });

  it("is not made of a number that somebody gave to a database", async () => {
    tools.databases.push("chatalot_before_20240101");
    expect(await number()).to.equal(1);
  });

  it("is none of which uploads are set aside", async () => {
    const { setAside } = instancePaths(temporary());
    for (const name of ["000001", "000002-taken-back", "of-mine"])
      await mkdir(`${setAside}/${name}`, { recursive: true });
    expect(await number()).to.equal(3);
  });

  it("is found also while the database is away", async () => {
    const away = Object.assign(new FakeDatabaseTools([]), {
      names: () => Promise.reject(new Error("the database's container does not run")),
    });
    const paths = instancePaths(temporary());
    expect(await nextSequence(paths, await Ledger.read(paths), away)).to.equal(1);
  });
});
