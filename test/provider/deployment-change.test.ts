import { expect } from "chai";
import { deployment } from "../../provider/deployment.ts";
import { UnfinishedError } from "../../provider/resource.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { TransportError } from "../../transport/index.ts";
import type { FollowLine, Verdict } from "../../updater/protocol.ts";
import { FakeServer, OUT_OF_REACH } from "./support/fake-server.ts";
import {
  COMMIT,
  deploymentInputs,
  listeningContext,
  NEWER,
  place,
  servingRecord,
  servingState,
} from "./support/samples.ts";

function verdict(changes: Partial<Verdict> = {}): FollowLine {
  return {
    type: "verdict",
    verdict: {
      ...{ sequence: 4, kind: "switch", outcome: "done", instanceId: "instance-a" },
      text: "v1.0.0 is serving.",
      durations: { total: 61_240, downtime: 1_260 },
      ...changes,
    },
  };
}

function progress(step: string, text: string): FollowLine {
  return { type: "progress", offset: 1, progress: { at: "2026-03-01T12:00:00Z", step, text } };
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("deployment, in a change", () => {
  const original = RemoteServer.openTransport;
  let server: FakeServer;

  beforeEach(async () => {
    server = new FakeServer();
    server.state = servingState();
    server.answer = { answer: "started", sequence: 4, instanceId: "instance-a" };
    server.follow = [progress("J8", "started"), verdict()];
    await server.arrive();
  });

  afterEach(async () => {
    await server.leave(original);
  });

  it("follows the job and keeps what it measured", async () => {
    const context = listeningContext();
    const { id, outputs } = await deployment.create(context, deploymentInputs());
    expect(id).to.equal("chatalot");
    expect(outputs).to.include({
      instanceId: "instance-a",
      sequence: 4,
      totalSeconds: 61.2,
      downtimeSeconds: 1.3,
    });
    expect(context.told).to.deep.equal(["J8 started", "v1.0.0 is serving."]);
  });

  it("never gives back the proposals, nor what was true of that run alone", async () => {
    const found = {
      ...{ drift: "the server is exited", opening: "an owner exists", leavesReach: ["v0.9.0"] },
      ...{ brought: { sequence: 2, text: "job 2 brought v0.9.0" }, restored: "a backup" },
    };
    const { outputs } = await deployment.create(listeningContext(), deploymentInputs(found));
    expect(outputs).not.to.have.any.keys("secrets", "rollback", ...Object.keys(found));
    expect(outputs).to.include.keys("place", "configuration", "secretEnv");
  });

  it("sends the instance that the last run made", async () => {
    await deployment.update(
      listeningContext(),
      deploymentInputs({ instanceId: "instance-a" }),
      deploymentInputs(),
    );
    expect(server.requests[0]).to.include({ instanceId: "instance-a" });
  });

  it("is done at once where the server already is as asked", async () => {
    server.answer = { answer: "unchanged", instanceId: "instance-a", serving: servingRecord() };
    const { outputs } = await deployment.create(listeningContext(), deploymentInputs());
    expect(outputs).to.include({ sequence: 3, downtimeSeconds: 1.3 });
    expect(server.commands).not.to.include("follow the job");
  });

  it("fails with every reason of a refusal", async () => {
    server.answer = { answer: "refused", reasons: ["a port is taken", "a disk is full"] };
    const error = await failureOf(deployment.create(listeningContext(), deploymentInputs()));
    expect(error).to.have.property("message", "a port is taken\na disk is full");
  });

  it("fails with the verdict's text where the job was reverted", async () => {
    server.follow = [verdict({ outcome: "reverted", text: "REVERTED v1.0.0 serves again." })];
    const error = await failureOf(deployment.create(listeningContext(), deploymentInputs()));
    expect(error).to.have.property("message", "REVERTED v1.0.0 serves again.");
  });

  describe("interrupted", () => {
    beforeEach(() => {
      server.follow = [];
      server.followFailure = new TransportError("was interrupted", "canceled");
    });

    it("keeps a first deployment as unfinished, with the instance and without secrets", async () => {
      const error = await failureOf(deployment.create(listeningContext(), deploymentInputs()));
      expect(error).to.be.instanceOf(UnfinishedError);
      expect(error).to.have.property("message").that.includes("goes on at the server as job 4");
      expect(error).to.deep.include({
        id: "chatalot",
        properties: { place, instanceId: "instance-a" },
      });
    });

    it("leaves what an update found in the state", async () => {
      const error = await failureOf(
        deployment.update(listeningContext(), deploymentInputs(), deploymentInputs()),
      );
      expect(error).not.to.be.instanceOf(UnfinishedError);
      expect(error).to.have.property("message").that.includes("Follow it: pulumi up");
    });

    it("says before the answer to its submission that the update may have begun", async () => {
      server.submitFailures = [new TransportError("submit the job: canceled", "canceled")];
      const error = await failureOf(
        deployment.update(listeningContext(), deploymentInputs(), deploymentInputs()),
      );
      expect(error)
        .to.have.property("message")
        .that.includes("The update may have begun at the server; this side got no answer (interr")
        .and.includes("Follow it: pulumi up");
    });

    it("says how a removal is followed, which pulumi up would take back", async () => {
      const outputs = deploymentInputs({ instanceId: "instance-a" });
      for (const what of ["goes on", "may have begun"]) {
        const error = await failureOf(deployment.delete(listeningContext(), outputs));
        expect(error)
          .to.have.property("message")
          .that.includes(`The removal ${what} at the server`)
          .and.includes("Follow it: pulumi destroy --exclude-protected.")
          .and.not.includes("pulumi up");
        server.submitFailures = [new TransportError("submit the job: canceled", "canceled")];
      }
    });
  });

  it("reads what really serves", async () => {
    const release = { name: "v2", commit: NEWER, migrations: [] };
    server.state = servingState({ serving: servingRecord({ sequence: 9, release }) });
    const outputs = deploymentInputs({ instanceId: "instance-a", sequence: 3 });
    expect(await deployment.read(listeningContext(), outputs)).to.include({
      commit: NEWER,
      sequence: 9,
    });
  });

  it("keeps what it knows where the server of the last run can't be read, and says why", async () => {
    const outputs = deploymentInputs({ instanceId: "instance-a" });
    for (const failure of OUT_OF_REACH) {
      await server.nextRun();
      server.failure = failure;
      const context = listeningContext();
      expect(await deployment.read(context, outputs)).to.deep.equal(outputs);
      expect(context.warnings.join())
        .to.contain(failure.message)
        .and.contain("as the stack's last run had it");
    }
  });

  it("does the same where none of the programs is there that read the instance", async () => {
    server.hasUpdater = false;
    const context = listeningContext();
    const outputs = deploymentInputs({ instanceId: "instance-a" });
    expect(await deployment.read(context, outputs)).to.deep.equal(outputs);
    expect(context.warnings.join()).to.contain("its updater is gone").and.not.contain("..");
  });

  it("does not take another failure for a server that can't be read", async () => {
    server.failure = new TransportError("read the host's facts: exited with code 2", "exit-code");
    const failed = await failureOf(deployment.read(listeningContext(), deploymentInputs()));
    expect(failed).to.equal(server.failure);
  });

  it("doesn't count as seen what was brought for the same release, whose settings it can't read", async () => {
    server.state = servingState({ serving: servingRecord({ sequence: 9 }) });
    const outputs = deploymentInputs({ instanceId: "instance-a", sequence: 3 });
    expect(await deployment.read(listeningContext(), outputs)).to.include({ sequence: 3 });
  });

  it("keeps what it knows where another instance answers", async () => {
    const outputs = deploymentInputs({ instanceId: "instance-x" });
    expect(await deployment.read(listeningContext(), outputs)).to.deep.equal(outputs);
    expect(outputs["commit"]).to.equal(COMMIT);
  });

  it("removes the containers of its own instance only", async () => {
    await deployment.delete(listeningContext(), deploymentInputs({ instanceId: "instance-a" }));
    expect(server.requests).to.have.length(1);
    expect(server.requests[0]).to.include({ kind: "remove", instanceId: "instance-a" });
    expect(server.requests[0]).not.to.have.any.keys("secrets", "configuration");
  });
});
