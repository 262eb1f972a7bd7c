import { expect } from "chai";
import {
  type GuardFacts,
  guardedListen,
  isEverywhere,
  isLoopback,
} from "../../updater/owner-guard.ts";

const OPEN = { address: "0.0.0.0", port: 3000 };
const CLOSED = { address: "127.0.0.1", port: 3000 };

describe("owner guard", () => {
  const cases: [string, GuardFacts, typeof OPEN][] = [
    ["a server that has nothing yet", {}, CLOSED],
    ["a chat without accounts", { hasAccounts: false, last: { listen: CLOSED } }, CLOSED],
    ["a database that does not answer", { last: { listen: CLOSED } }, CLOSED],
    ["a chat with an account", { hasAccounts: true, last: { listen: CLOSED } }, OPEN],
    ["a chat that served outside before", { hasAccounts: false, last: { listen: OPEN } }, OPEN],
    ["one of before there was a guard", { hasAccounts: false, last: {} }, OPEN],
  ];
  for (const [what, facts, expected] of cases)
    it(`${expected === OPEN ? "leaves as asked" : "keeps on loopback"} ${what}`, () => {
      expect(guardedListen({ listen: OPEN }, facts)).to.deep.equal(expected);
      expect(guardedListen({ listen: OPEN, beforeOwner: "loopback" }, facts)).to.deep.equal(
        expected,
      );
    });

  it("guards IPv6 addresses and a single outer address as well", () => {
    for (const address of ["::", "2001:db8::1", "192.0.2.7"])
      expect(guardedListen({ listen: { address, port: 3000 } }, {})).to.deep.equal(CLOSED);
  });

  it("leaves every loopback address as it is", () => {
    for (const address of ["127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1"])
      expect(guardedListen({ listen: { address, port: 1 } }, {}).address).to.equal(address);
  });

  it("does nothing where it is switched off", () => {
    expect(guardedListen({ listen: OPEN, beforeOwner: "open" }, {})).to.deep.equal(OPEN);
  });

  it("tells all addresses from one, and loopback from others", () => {
    expect(["0.0.0.0", "::", "::0"].every(isEverywhere)).to.equal(true);
    expect(["127.0.0.1", "::1", "192.0.2.7"].some(isEverywhere)).to.equal(false);
    expect(["0.0.0.0", "::", "128.0.0.1", "::2"].some(isLoopback)).to.equal(false);
  });
});
