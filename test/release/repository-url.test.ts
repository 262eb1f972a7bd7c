import { expect } from "chai";
import { UserError } from "../../common/errors.ts";
import { parseRepository, withoutCredentials } from "../../release/repository-url.ts";

describe("parseRepository", () => {
  const accepted: [string, "https" | "ssh" | "local"][] = [
    ["https://github.com/purpleneutral/chatalot.git", "https"],
    ["https://git.example.org:8443/a/b", "https"],
    ["ssh://git@git.example.org:2222/a/b.git", "ssh"],
    ["ssh://git.example.org/~me/b.git", "ssh"],
    ["git@github.com:purpleneutral/chatalot.git", "ssh"],
    ["git@[::1]:chatalot.git", "ssh"],
    ["/srv/git/my chatalot.git", "local"],
  ];
  for (const [address, kind] of accepted) {
    it(`accepts ${address}`, () => {
      expect(parseRepository(address)).to.deep.equal({ kind, url: address });
    });
  }

  it("keeps the credentials of an https address apart from it", () => {
    expect(parseRepository("https://bob:p%40ss@example.org/a.git")).to.deep.equal({
      kind: "https",
      url: "https://example.org/a.git",
      credentials: { username: "bob", password: "p@ss" },
    });
  });

  const refused = [
    "",
    "chatalot",
    "./chatalot",
    "../chatalot",
    "~/chatalot",
    "-u touch PWNED",
    "--upload-pack=touch PWNED",
    "ext::sh -c touch% PWNED",
    "ext::sh",
    "file:///srv/git/chatalot.git",
    "http://github.com/purpleneutral/chatalot.git",
    "git://github.com/purpleneutral/chatalot.git",
    "ftp://example.org/x",
    "https://",
    "https:///x",
    "https://example.org",
    "https://example.org/a?b",
    "https://example.org/a#b",
    "https://-oProxyCommand=x/a",
    "https://example.org/a b",
    "https://example.org/a\nb",
    "https://a%0ab:c@example.org/x",
    "https://a%:c@example.org/x",
    "ssh://-oProxyCommand=touch/x",
    "ssh://git@-oProxyCommand=touch/x",
    "ssh://-git@example.org/x",
    "ssh://git:password@example.org/x",
    "ssh://git@example.org/a;touch PWNED",
    "ssh://git@example.org/$(touch)",
    "ssh://git@example.org",
    "git@example.org:-x",
    "git@example.org:a;b",
    "git@example.org:`id`",
    "git@example.org::x",
    "-git@example.org:x",
    "git@-host:x",
    "host:path",
    "/srv/a\nb",
    "/srv/a\0b",
    `https://example.org/${"x".repeat(1_000_000)}`,
  ];
  for (const address of refused) {
    it(`refuses ${JSON.stringify(address.slice(0, 60))}`, () => {
      expect(() => parseRepository(address)).to.throw(UserError, "Use https://host/path");
    });
  }

  it("shows no credentials when it refuses an address", () => {
    for (const address of ["http://bob:topsecret@x/y", "https://bob:topsecret@x/y?z"]) {
      expect(() => parseRepository(address))
        .to.throw(UserError)
        .with.property("message")
        .that.does.not.include("topsecret");
    }
  });
});

describe("withoutCredentials", () => {
  it("takes them out of every address in a text", () => {
    expect(withoutCredentials("a https://x:y@h/p and ssh://z@h b@c")).to.equal(
      "a https://h/p and ssh://h b@c",
    );
  });
});
