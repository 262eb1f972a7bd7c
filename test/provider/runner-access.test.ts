import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect } from "chai";
import { RUNNER_PROGRAM } from "../../common/runner-rule.ts";
import { UserError } from "../../common/errors.ts";
import { callRunner, installCommand } from "../../provider/server/runner-access.ts";
import type { ServerPlace } from "../../provider/server/remote-server.ts";
import { updaterBundle } from "../../provider/server/updater-bundle.ts";
import { type RunOptions, type Transport, TransportError } from "../../transport/index.ts";
import { callSchema, NOT_PERMITTED, OTHER_RUNNER } from "../../updater/runner/protocol.ts";

const place: ServerPlace = {
  server: { host: "h", user: "deploy", access: "runner" },
  directory: "/srv/chat",
  ...{ project: "chat", volumes: [], port: 8080 },
};

/** A transport that keeps what it was asked. */
function answering(answer: () => never | void) {
  const runs: { argv: readonly string[]; options: RunOptions }[] = [];
  const transport: Transport = {
    target: "deploy@h",
    async run(_label, argv, options) {
      runs.push({ argv, options });
      answer();
      return { exitCode: 0, stdout: "", stderr: "" };
    },
    async close() {},
  };
  return { transport, runs };
}

describe("callRunner", () => {
  for (const [what, stdin] of [
    ["nothing", undefined],
    ["a text", "body"],
    ["bytes", Buffer.from("body")],
    ["a stream", Readable.from([Buffer.from("body")])],
  ] as const)
    it(`runs the one program without arguments, the call first and then ${what}`, async () => {
      const { transport, runs } = answering(() => undefined);
      const options = { timeout: 1_500, ...(stdin === undefined ? {} : { stdin }) };
      await callRunner(transport, place, "look", { verb: "follow", numbers: [3, 0] }, options);
      const [run] = runs;
      expect(run?.argv).to.deep.equal([RUNNER_PROGRAM]);
      expect(run?.options.isRunner).to.equal(true);
      const sent = run?.options.stdin;
      const text =
        sent instanceof Readable ? String(await buffer(sent)) : Buffer.from(sent ?? "").toString();
      const end = text.indexOf("\n");
      expect(text.slice(end + 1)).to.equal(stdin === undefined ? "" : "body");
      const { sha256 } = await updaterBundle();
      // Longer than this side waits, and no longer than the runner takes.
      expect(callSchema.parse(JSON.parse(text.slice(0, end)))).to.deep.equal({
        ...{ call: 1, updater: sha256, verb: "follow", directory: "/srv/chat" },
        ...{ numbers: [3, 0], seconds: 7 },
      });
    });

  for (const [exitCode, says] of [
    [OTHER_RUNNER, /why\. Have an administrator .*npx chatalot runner --user deploy/],
    [NOT_PERMITTED, /^look on deploy@h: why\.$/],
  ] as const)
    it(`tells a refusal with exit code ${exitCode} in the runner's words`, async () => {
      const { transport } = answering(() => {
        throw new TransportError("x", "exit-code", { exitCode, stderr: "why\n" });
      });
      const error: unknown = await callRunner(
        ...([transport, place, "look", { verb: "inspect" }, { timeout: 1_000 }] as const),
      ).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(UserError);
      expect((error as UserError).message).to.match(says);
    });

  it("leaves other failures as they are", async () => {
    const lost = new TransportError("lost", "connection-lost");
    const { transport } = answering(() => {
      throw lost;
    });
    const run = callRunner(transport, place, "look", { verb: "inspect" }, { timeout: 1_000 });
    expect(await run.catch((cause: unknown) => cause)).to.equal(lost);
  });
});

describe("installCommand", () => {
  it("names what differs from the defaults", () => {
    expect(installCommand(place)).to.equal(
      "npx chatalot runner --user deploy --directory /srv/chat --project chat",
    );
    const usual = { ...place, directory: "/srv/chatalot", project: "chatalot" };
    expect(installCommand(usual)).to.equal("npx chatalot runner --user deploy");
  });
});
