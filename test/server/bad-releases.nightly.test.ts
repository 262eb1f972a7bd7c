import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { BAD_RELEASES } from "../support/bad-releases.ts";
import { startProber } from "../support/prober.ts";
import { chatUrl, servingChat } from "./support/fixture.ts";
import { runningSince, webVersion } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";

describe("every bad release of the sample", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let serving = "v1.0.1";

  before(async () => {
    ({ demo, operator } = await servingChat(serving, {
      "health.timeout": "12 seconds",
      "health.mustStayGoodFor": "4 seconds",
    }));
  });
  after(() => operator?.leave());

  for (const { tag, from, stage, says } of BAD_RELEASES.filter(
    (release) => release.heldBy === undefined,
  ))
    it(`is caught where it should be: ${tag} at ${stage}`, async () => {
      if (from !== serving) {
        await operator.configure({ release: from });
        await operator.must("up", "--yes", "--non-interactive", "--skip-preview");
        serving = from;
      }
      await operator.configure({ release: tag });
      const before = await runningSince(demo);
      const preview = await operator.preview();
      if (stage === "preview") {
        expect(preview.exitCode, preview.output).not.to.equal(0);
        expect(preview.output).to.match(says);
        expect(await runningSince(demo)).to.deep.equal(before);
        return;
      }
      expect(preview.exitCode, preview.output).to.equal(0);
      const prober = startProber({ baseUrl: chatUrl(demo) });

      const { exitCode, output } = await operator.up("--skip-preview");

      await prober.stop();
      expect(exitCode, output).not.to.equal(0);
      expect(output).to.match(new RegExp(`${stage} failed: `));
      expect(output).to.match(says);
      expect(output).to.contain(stage === "J3" ? "UNTOUCHED" : `REVERTED ${from}`);
      if (stage === "J3") expect(await runningSince(demo)).to.deep.equal(before);
      expect(await webVersion(chatUrl(demo))).to.equal(from.slice(1));
      expect(await prober.missingMarkers()).to.deep.equal([]);
      console.log(`        ${/(J\d+ failed: .*)/.exec(output)?.[1]}`);
    });
});
