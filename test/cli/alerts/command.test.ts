import { expect } from "chai";
import { describeAlerts } from "../../../cli/alerts/command.ts";

describe("what is shown of the alerts", () => {
  it("is how to set them where there are none", () => {
    expect(describeAlerts(undefined)).to.match(/alerts\.webhook or alerts\.mail/);
  });

  it("is by which ways they go, what was told, and what could not be sent", () => {
    const text = describeAlerts({
      channels: ["webhook", "mail to admin@example.org"],
      lookedAt: "2026-01-01T00:00:00Z",
      told: [{ name: "disk", text: "the disk is full", since: "2026-01-01T00:00:00Z" }],
      drift: [],
      problems: ["webhook: it can't be reached"],
    });
    expect(text.split("\n")).to.deep.equal([
      "Told by webhook and mail to admin@example.org; last look 2026-01-01T00:00:00Z",
      "told: the disk is full (since 2026-01-01T00:00:00Z)",
      "not sent: webhook: it can't be reached",
    ]);
  });
});
