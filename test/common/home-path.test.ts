import { homedir } from "node:os";
import { expect } from "chai";
import { homePath } from "../../common/home-path.ts";

describe("homePath", () => {
  it("puts the home folder in, and leaves every other path as it is", () => {
    expect(homePath("~/.ssh/id_ed25519")).to.equal(`${homedir()}/.ssh/id_ed25519`);
    for (const path of ["/srv/~/x", "~", "~ada/x", "x/~/y", "", "./~"])
      expect(homePath(path)).to.equal(path);
  });

  it("takes the name of the home folder as it is", () => {
    const home = process.env.HOME;
    process.env.HOME = "/home/$&/$1";
    try {
      expect(homePath("~/x")).to.equal("/home/$&/$1/x");
    } finally {
      if (home === undefined) delete process.env.HOME;
      else process.env.HOME = home;
    }
  });
});
