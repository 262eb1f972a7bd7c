import { expect } from "chai";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { followJob } from "../../provider/server/server-jobs.ts";
import { type RunOptions, TransportError } from "../../transport/index.ts";
import type { FollowLine } from "../../updater/protocol.ts";
import { verdict } from "./support/full-answers.ts";
import { place } from "./support/samples.ts";

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
