import { expect } from "chai";

/** What is told is for a terminal of 80 columns. */
export function expectColumns(told: readonly string[]): void {
  for (const line of told.flatMap((text) => text.split("\n")))
    expect(line.length, line).to.be.at.most(80);
}
