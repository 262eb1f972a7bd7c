import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { unitName } from "../../updater/unit.ts";

const DIRECTORIES: [string, string][] = [
  ["/srv/chatalot", "chatalot-deploy@srv-chatalot.service"],
  ["/srv/my-chat", "chatalot-deploy@srv-my\\x2dchat.service"],
  ["/a", "chatalot-deploy@a.service"],
  ["/srv/_x/chat_1.2", "chatalot-deploy@srv-_x-chat_1.2.service"],
  ["/srv/a--b/c-", "chatalot-deploy@srv-a\\x2d\\x2db-c\\x2d.service"],
];

describe("unitName", () => {
  for (const [directory, name] of DIRECTORIES)
    it(`names the unit of ${directory}`, () => {
      expect(unitName(directory)).to.equal(name);
    });

  it("gives every directory a name of its own", () => {
    const names = ["/srv/a-b", "/srv/a/b", "/srv-a/b", "/srv/a_b"].map(unitName);
    expect(new Set(names).size).to.equal(names.length);
  });

  it("names it as systemd does", function () {
    const { status, error } = spawnSync("systemd-escape", ["--version"]);
    if (error !== undefined || status !== 0) this.skip();
    for (const [directory] of DIRECTORIES) {
      const { stdout } = spawnSync(
        "systemd-escape",
        ["--path", "--template=chatalot-deploy@.service", directory],
        { encoding: "utf8" },
      );
      expect(unitName(directory)).to.equal(stdout.trim());
    }
  });
});
