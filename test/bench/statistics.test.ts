import { expect } from "chai";
import { median, timeAway } from "../../bench/statistics.ts";

describe("median", () => {
  it("is the one in the middle, by size and not by place", () => {
    expect(median([10, 9, 100])).to.equal(10);
  });

  it("is the mean of the two in the middle where their number is even", () => {
    expect(median([4, 1, 3, 2])).to.equal(2.5);
  });

  it("does not exist without samples", () => {
    expect(() => median([])).to.throw("no median of nothing");
  });
});

describe("timeAway", () => {
  it("is nothing while answers come at short intervals", () => {
    expect(timeAway([0, 50, 150, 250])).to.equal(0);
  });

  it("adds up all long times between two answers, in whatever order they came in", () => {
    expect(timeAway([1_000, 0, 10, 1_010, 1_510])).to.equal(990 + 500);
  });

  it("is nothing without answers, of which the watch itself makes an error", () => {
    expect(timeAway([])).to.equal(0);
  });
});
