import { expect } from "chai";
import { matches } from "../../../cli/init/host-key.ts";
import { fingerprint } from "../../../transport/index.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx2tZpXbL7vT0oQkqk0y4c3pJ1b4l3uZ8q5mXb1c2d3";
const PRINT = fingerprint(KEY);

describe("the comparison of a host key", () => {
  for (const [what, text] of [
    ["the whole line of ssh-keygen -l", `256 ${PRINT} root@chat (ED25519)`],
    ["the fingerprint", PRINT],
    ["its end", PRINT.slice(-8)],
    ["more of its end", PRINT.slice(-12)],
    ["all of it without its name", PRINT.slice(7)],
    ["the public key", KEY],
    ["the public key with its comment", `${KEY} root@chat`],
  ] as const) {
    it(`is satisfied with ${what}`, () => expect(matches(KEY, text)).to.equal(true));
  }

  for (const [what, text] of [
    ["another fingerprint", fingerprint(OTHER)],
    ["another end", "abcdEFGH"],
    ["the end in other letters", swapCase(PRINT.slice(-8))],
    ["its beginning", PRINT.slice(7, 17)],
    ["another public key", OTHER],
    ["a part of the fingerprint with its name", PRINT.slice(0, -8)],
  ] as const) {
    it(`refuses ${what}`, () => expect(matches(KEY, text)).to.equal(false));
  }

  for (const text of ["yes", "y", PRINT.slice(-7), "", "________"]) {
    it(`can't compare "${text}"`, () => expect(matches(KEY, text)).to.equal(undefined));
  }
});

function swapCase(text: string): string {
  return text.replaceAll(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
