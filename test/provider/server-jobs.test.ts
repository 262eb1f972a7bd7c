import { expect } from "chai";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { followJob, submitJob, UnansweredError } from "../../provider/server/server-jobs.ts";
import {
  type Clock,
  type RunOptions,
  TransportError,
  type TransportFailure,
} from "../../transport/index.ts";
import { type FollowLine, PROTOCOL, type JobRequest } from "../../updater/protocol.ts";
import { FakeServer } from "./support/fake-server.ts";
import { verdict } from "./support/full-answers.ts";
import { place, servingState } from "./support/samples.ts";

const { signal } = new AbortController();

describe("following a job", () => {
  const original = RemoteServer.openTransport;
  /** Where each following began. */
  let begun: string[];

  /** What is said to each following in turn, and how it ends. */
  function serverSays(...followings: { lines: FollowLine[]; end?: TransportError }[]): void {
    begun = [];
    RemoteServer.openTransport = () => ({
      target: "root@chat.example.org",
      async run(_label, argv, { onLine }: RunOptions) {
        const { lines, end } = followings[begun.push(argv.slice(-2).join(" ")) - 1] ?? {
          lines: [],
        };
        for (const line of lines) onLine?.(JSON.stringify(line));
        if (end !== undefined) throw end;
        return { exitCode: 0, stdout: "", stderr: "" };
      },
      close: async () => undefined,
    });
  }

  afterEach(async () => {
    await RemoteServer.closeAll();
    RemoteServer.openTransport = original;
  });

  it("that takes longer than one following may is taken up again where it was", async () => {
    const progress = { at: "2026-03-01T12:00:00.000Z", step: "J8", text: "migrating" };
    serverSays(
      {
        lines: [{ type: "progress", offset: 70, progress }],
        end: new TransportError("follow the job: timed out after 14400 seconds", "timeout"),
      },
      { lines: [verdict] },
    );
    const told: string[] = [];
    const tell = ({ text }: { text: string }): void => void told.push(text);
    const { outcome } = await followJob(RemoteServer.at(place), 3, tell, signal);
    expect(outcome).to.equal("done");
    expect(told).to.deep.equal(["migrating"]);
    expect(begun).to.deep.equal(["3 0", "3 70"]);
  });
});

describe("submitting a job", () => {
  const original = RemoteServer.openTransport;
  const request: JobRequest = {
    ...{ protocol: PROTOCOL, kind: "remove", directory: place.directory, project: place.project },
    ...{ volumes: place.volumes, requestedBy: "ada@desk" },
  };
  let server: FakeServer;

  beforeEach(async () => {
    told = [];
    server = new FakeServer();
    server.state = servingState();
    server.answer = { answer: "attached", sequence: 4, instanceId: "instance-a" };
    await server.arrive();
  });
  afterEach(() => server.leave(original));

  /** Stands still but for waits. */
  function standingClock(): Clock {
    let now = 0;
    return { now: () => now, sleep: async (milliseconds) => void (now += milliseconds) };
  }
  const ended = (failure: TransportFailure): TransportError =>
    new TransportError(`submit the job: ${failure}`, failure);
  let told: string[];
  const submit = () =>
    submitJob(
      RemoteServer.at(place),
      request,
      (text) => void told.push(text),
      signal,
      standingClock(),
    );
  const failure = (): Promise<unknown> => submit().catch((error: unknown) => error);

  it("is done again over a connection that was lost, and finds the job that it opened", async () => {
    server.submitFailures = [ended("connection-lost"), ended("unreachable")];
    expect(await submit()).to.deep.equal(server.answer);
    expect(server.requests).to.deep.equal([request, request, request]);
    expect(told).to.deep.equal([
      "submit the job: connection-lost; connecting again in 1 s",
      "submit the job: unreachable; connecting again in 2 s",
    ]);
  });

  it("has an unknown end where no answer arrives", async () => {
    for (const how of ["canceled", "timeout"] as const) {
      server.submitFailures = [ended(how)];
      expect(await failure(), how).to.be.instanceOf(UnansweredError);
    }
    server.submitFailures = [
      ended("connection-lost"),
      ...Array.from({ length: 100 }, () => ended("unreachable")),
    ];
    expect(await failure()).to.be.instanceOf(UnansweredError);
  });

  it("has failed where nothing of it can have arrived", async () => {
    for (const how of ["unreachable", "host-key", "sudo"] as const) {
      const error = ended(how);
      server.submitFailures = [error];
      expect(await failure()).to.equal(error);
    }
  });
});
