import { expect } from "chai";
import { missing } from "../../../updater/copies/copies.ts";
import { backup } from "../../cli/backup/samples.ts";

const scheduled = (sequence: number) =>
  backup(`${String(sequence).padStart(6, "0")}-20260301T201500Z`, { kind: "scheduled" });
const manual = backup("000009-20260301T201500Z", { kind: "manual" });

const names = (found: { name: string }[]): string[] => found.map(({ name }) => name.slice(0, 6));

describe("the backups that are copied", () => {
  it("are the proven ones by the clock and by hand that are not there yet", () => {
    const { proof: _, ...unproven } = scheduled(3).manifest;
    const all = [
      backup("000001-20260301T201500Z", { kind: "update" }),
      ...[scheduled(2), { name: "000003-20260301T201500Z", manifest: unproven }, scheduled(4)],
      manual,
    ];
    expect(names(missing(all, [scheduled(2)], 7))).to.deep.equal(["000004", "000009"]);
  });

  it("are none that would be removed there at once", () => {
    const all = [scheduled(2), scheduled(3), scheduled(4), manual];
    expect(names(missing(all, [], 2))).to.deep.equal(["000003", "000004", "000009"]);
    expect(names(missing(all, [scheduled(5)], 1))).to.deep.equal(["000009"]);
  });
});
