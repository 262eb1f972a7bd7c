import { expect } from "chai";
import type { Figure } from "../../bench/figure.ts";
import { allMet, renderFigures, type ScenarioResult, verdicts } from "../../bench/report.ts";

const met: Figure = {
  name: "chat is away",
  unit: "s",
  ours: [0.9, 1.1, 1],
  baseline: { name: "compose", samples: [1, 0.8, 1.2] },
  atMost: { ratio: 1.2 },
};
const missed: Figure = { ...met, name: "no-op up", ours: [2, 2, 2] };

function resultOf(...figures: Figure[]): ScenarioResult {
  return { title: "A scenario", method: "By counting.", figures };
}

describe("the report", () => {
  it("writes medians, their range, the ratio and the promise into a table", () => {
    const page = renderFigures([resultOf(met)], { date: "2026-01-02", machine: ["2 cores"] });
    expect(page).to.contain(
      "Measured on 2026-01-02:\n\n- 2 cores\n\n## A scenario\n\nBy counting.",
    );
    const row = page.split("\n").find((line) => line.startsWith("| chat is away"));
    expect(row?.split("|").map((cell) => cell.trim())).to.deep.equal([
      ...["", "chat is away", "1.00 s (0.90 to 1.10)", "compose: 1.00 s (0.80 to 1.20)"],
      ...["1.00", "at most 1.2 times: met", "3", ""],
    ]);
  });

  it("says which promise was missed, and by how much", () => {
    const results = [resultOf(met, missed)];
    expect(verdicts(results)).to.deep.equal([
      "met    chat is away: 1.00 times, at most 1.2 times",
      "MISSED no-op up: 2.00 times, at most 1.2 times",
    ]);
    expect(allMet(results)).to.equal(false);
    expect(allMet([resultOf(met)])).to.equal(true);
  });

  it("holds each sample against a bound that is a number", () => {
    const connections: Figure = {
      ...{ name: "connections", unit: "connections", ours: [1, 1, 2] },
      atMost: { value: 1 },
    };
    expect(allMet([resultOf(connections)])).to.equal(false);
    expect(allMet([resultOf({ ...connections, ours: [1, 1, 1] })])).to.equal(true);
  });

  it("promises nothing where no bound is given, and misses one without a baseline to compare with", () => {
    const { atMost: _, ...unbound } = met;
    expect(verdicts([resultOf(unbound)])).to.deep.equal([]);
    const { baseline: _none, ...alone } = met;
    expect(allMet([resultOf(alone)])).to.equal(false);
  });
});
