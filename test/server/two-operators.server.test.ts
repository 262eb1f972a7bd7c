import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { chatUrl, cleanServer, operatorOf } from "./support/fixture.ts";
import { numberOfJobs, runningSince, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

describe("two operators with two backends", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let ann: Operator;
  let bob: Operator;

  before(async () => {
    demo = await cleanServer();
    ann = await operatorOf(demo);
    bob = await operatorOf(demo);
    await ann.configure({ release: "v1.0.0" });
    await ann.must("up", "--yes", "--non-interactive", "--skip-preview");
  });
  after(() =>
    takeBack(
      () => ann?.leave(),
      () => bob?.leave(),
    ),
  );

  it("begin with what serves, which restarts nothing", async () => {
    const before = [await runningSince(demo), await numberOfJobs(demo)];
    await bob.configure({ release: "v1.0.1" });
    const refused = await bob.up("--skip-preview");
    expect(refused.exitCode, refused.output).not.to.equal(0);
    expect(refused.output).to.match(
      /v1\.0\.0 \([0-9a-f]{7}\) serves since .* brought by .* \(job \d+\)/,
    );
    await bob.configure({ release: "v1.0.0" });
    const { exitCode, output } = await bob.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    const [serving] = before;
    expect(await runningSince(demo)).to.deep.equal(serving);
  });

  it("don't take each other's release back unseen", async () => {
    await bob.configure({ release: "v1.0.1" });
    await bob.must("up", "--yes", "--non-interactive", "--skip-preview");
    const before = [await runningSince(demo), await numberOfJobs(demo)];
    for (const run of [await ann.preview(), await ann.up("--skip-preview")]) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output)
        .to.contain("This stack would take back what it has not seen")
        .and.to.match(/v1\.0\.1 \([0-9a-f]{7}\) serves since .* brought by /);
    }
    expect([await runningSince(demo), await numberOfJobs(demo)]).to.deep.equal(before);
    expect(await webVersion(chatUrl(demo))).to.equal("1.0.1");
  });

  it("take over what the other brought by naming it", async () => {
    const before = await runningSince(demo);
    await ann.configure({ release: "v1.0.1" });
    const { exitCode, output } = await ann.up("--skip-preview");
    expect(exitCode, output).to.equal(0);
    expect(await runningSince(demo)).to.deep.equal(before);
  });
});
