import { expect } from "chai";
import { UserError } from "../../../common/errors.ts";
import { movedSettings, refuseSameDocker } from "../../../cli/move/address.ts";

const OLD = {
  ...{ host: "old.example.org", port: 2222, user: "deployer", directory: "/srv/chat" },
  ...{ hostKey: "ssh-ed25519 AAAAold", identityFile: "~/.ssh/id", jumpHost: "bastion.example.org" },
};

describe("the settings of the server that a chat moves to", () => {
  it("keep who logs in with which key, and where on the server", () => {
    expect(movedSettings(OLD, "new.example.org", {})).to.deep.equal({
      ...{ host: "new.example.org", user: "deployer", directory: "/srv/chat" },
      identityFile: "~/.ssh/id",
    });
  });

  it("have nothing of where the old one is and what it is known by", () => {
    const moved = movedSettings(OLD, "root@new.example.org:22", { hostKey: "ssh-ed25519 AAAAnew" });
    expect(moved).to.include({ user: "root", port: 22, hostKey: "ssh-ed25519 AAAAnew" });
    expect(moved).not.to.have.property("jumpHost");
  });

  it("take another key and another way where they are given", () => {
    const given = { identityFile: "~/.ssh/other", jumpHost: "root@gate.example.org" };
    expect(movedSettings(OLD, "new.example.org", given)).to.include(given);
  });

  it("are those of a first server where the chat is on this machine", () => {
    expect(movedSettings(undefined, "root@new.example.org", {})).to.deep.equal({
      ...{ host: "new.example.org", user: "root" },
    });
  });

  it("are refused where they are no address", () => {
    for (const text of ["-oProxyCommand=touch PWNED", "a b", "root@", "host:99999"])
      expect(() => movedSettings(OLD, text, {}), text).to.throw(UserError);
  });
});

describe("a move to where the chat is", () => {
  it("is refused by what Docker says of itself, whatever the address", () => {
    expect(() => refuseSameDocker("a", "a", "root@10.0.0.1")).to.throw(
      "Nothing was changed: root@10.0.0.1 is the server that the chat is on",
    );
    expect(() => refuseSameDocker("a", "b", "root@10.0.0.1")).not.to.throw();
  });
});
