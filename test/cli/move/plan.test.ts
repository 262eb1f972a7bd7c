import { expect } from "chai";
import { movePlanText } from "../../../cli/move/plan.ts";

const PLAN = {
  ...{ from: "root@old.example.org", to: "root@new.example.org" },
  release: "v0.22.6 (2d55427)",
  ...{ databaseSize: 412_000_000, folder: "/home/me/backups", url: "https://chat.example.org" },
  ...{ own: ["docker-compose.override.yml", "hooks/after-update"], directory: "/srv/chatalot" },
};

describe("the plan of a move", () => {
  it("says first that it moves, and that the chat is away", () => {
    const [first, second] = movePlanText(PLAN);
    expect(first).to.equal(
      "MOVE      v0.22.6 (2d55427), from root@old.example.org to root@new.example.org, where nothing is yet",
    );
    expect(second).to.contain("its database of 412 MB").and.to.contain("CHAT IS AWAY");
  });

  it("names what is left, what happens on failure, and what the operator has to do", () => {
    const text = movePlanText(PLAN).join("\n");
    expect(text).to.match(/^Failure +the chat is started again on root@old\.example\.org/m);
    expect(text).to.match(/^Left +on root@old\.example\.org: its volumes/m);
    expect(text).to.match(
      /^Yours +docker-compose\.override\.yml, hooks\/after-update: put a copy/m,
    );
    expect(text).to.match(/^Yours +https:\/\/chat\.example\.org has to lead to root@new/m);
  });

  it("says nothing of an address or a size that it doesn't know", () => {
    const text = movePlanText({ ...PLAN, url: undefined, databaseSize: undefined, own: [] }).join(
      "\n",
    );
    expect(text).not.to.match(/^Yours|undefined/m);
  });
});
