import { expect } from "chai";
import { parseOptions } from "../../bench/options.ts";

const KNOWN = ["noop", "swap"];

describe("parseOptions", () => {
  it("runs everything by default, as often as each scenario says", () => {
    expect(parseOptions([], KNOWN)).to.deep.equal({ only: KNOWN, check: false });
  });

  it("takes a choice of scenarios in the bench's order, a number and the check", () => {
    expect(parseOptions(["--only", "swap, noop", "--runs", "3", "--check"], KNOWN)).to.deep.equal({
      only: ["noop", "swap"],
      runs: 3,
      check: true,
    });
  });

  it("names an unknown scenario and those that there are", () => {
    expect(() => parseOptions(["--only", "swop"], KNOWN)).to.throw(
      'no scenario "swop". There are: noop, swap.',
    );
  });

  for (const number of ["0", "1.5", "many", "101", ""])
    it(`refuses "${number}" repetitions`, () => {
      expect(() => parseOptions(["--runs", number], KNOWN)).to.throw(
        `"${number}" is no whole number from 1 to 100`,
      );
    });

  it("refuses unknown options with how it is used", () => {
    expect(() => parseOptions(["--fast"], KNOWN)).to.throw(/--fast.*npm run bench -- \[--only/s);
  });
});
