import { homedir } from "node:os";
import { expect } from "chai";
import {
  folderQuestion,
  listenQuestion,
  parseServer,
  registrationQuestion,
  releaseQuestion,
  serverQuestion,
  stackQuestion,
  urlQuestion,
  yesOrNo,
} from "../../../cli/init/questions.ts";
import { parseSettings } from "../../../settings/parse.ts";

describe("init's questions", () => {
  for (const [text, server] of [
    ["chat.example.org", { host: "chat.example.org" }],
    ["deploy@chat.example.org:2222", { user: "deploy", host: "chat.example.org", port: "2222" }],
    ["ssh://deploy@chat.example.org", { user: "deploy", host: "chat.example.org" }],
    ["2001:db8::1", { host: "2001:db8::1" }],
    ["root@2001:db8::1", { user: "root", host: "2001:db8::1" }],
    ["root@[2001:db8::1]:22", { user: "root", host: "2001:db8::1", port: "22" }],
  ] as const) {
    it(`takes ${text} for a server`, () => expect(parseServer(text)).to.deep.equal(server));
  }

  it("takes no answer for this machine", () => expect(serverQuestion.read("")).to.equal(null));

  for (const text of [
    "root@",
    "-oProxyCommand=x",
    "a b",
    "host:99999",
    "host:",
    "a@b@c",
    "$(id)",
  ]) {
    it(`refuses ${text} as a server`, () => expect(() => parseServer(text)).to.throw("expected"));
  }

  for (const [text, listen] of [
    ["8081", { address: "127.0.0.1", port: 8081 }],
    ["0.0.0.0", { address: "0.0.0.0", port: 8080 }],
    ["10.0.0.7:8081", { address: "10.0.0.7", port: 8081 }],
    ["[::1]:8081", { address: "::1", port: 8081 }],
    ["::1", { address: "::1", port: 8080 }],
  ] as const) {
    it(`listens on ${text}`, () => expect(listenQuestion.read(text)).to.deep.equal(listen));
  }

  for (const [question, answer, part] of [
    [urlQuestion, "chat.example.org", { url: "chat.example.org" }],
    [listenQuestion, "127.0.0.1:0", { listen: { address: "127.0.0.1", port: "0" } }],
    [listenQuestion, "chat:80", { listen: { address: "chat", port: "80" } }],
    [registrationQuestion, "invite", { env: { REGISTRATION_MODE: "invite" } }],
    [releaseQuestion(undefined), "v1..2", { release: "v1..2" }],
  ] as const) {
    it(`refuses "${answer}" as ${question.text.toLowerCase()} in the words of the settings`, () => {
      const said = messageOf(() => question.read(answer));
      expect(said).to.contain("expected").and.to.contain("Example: ");
      const bySettings = messageOf(() => parseSettings({ release: "v1.0.0", ...part }));
      expect(bySettings).to.contain(said);
    });
  }

  it("names an address without a slash at its end", () =>
    expect(urlQuestion.read("https://Chat.example.org/")).to.equal("https://chat.example.org"));

  it("finds folders in the home folder and in the current one", () => {
    expect(folderQuestion.read("~/chat")).to.equal(`${homedir()}/chat`);
    expect(folderQuestion.read("chat/")).to.equal(`${process.cwd()}/chat`);
    expect(folderQuestion.read("/srv/a b")).to.equal("/srv/a b");
  });

  for (const text of ["~", "/a?b", "/a#b", "/a%20b", "/a\nb", "\\\\x"]) {
    it(`refuses ${JSON.stringify(text)} as a folder`, () =>
      expect(() => folderQuestion.read(text)).to.throw("expected the path of a folder"));
  }

  for (const name of ["", "a/b", "-x", "a b", "../x"]) {
    it(`refuses "${name}" as a stack's name`, () =>
      expect(() => stackQuestion(() => undefined).read(name)).to.throw("expected up to 100"));
  }

  it("takes only yes and no for yes and no", () => {
    const question = yesOrNo("Really", "", "no");
    expect(["yes", "Y", "no", "n"].map((word) => question.read(word))).to.deep.equal([
      ...[true, true, false, false],
    ]);
    expect(() => question.read("maybe")).to.throw("expected one of");
  });
});

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("there was no error");
}
