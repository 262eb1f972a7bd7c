import { expect } from "chai";
import type { Dialog, Question } from "../../../cli/init/dialog.ts";
import { UsageError } from "../../../cli/exit-codes.ts";
import { requireAllAnswers, type Flags } from "../../../cli/init/flags.ts";
import { interviewOperator } from "../../../cli/init/init.ts";
import { Interview } from "../../../cli/init/interview.ts";
import {
  listenQuestion,
  registrationQuestion,
  serverQuestion,
} from "../../../cli/init/questions.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const ALL: Flags = {
  server: "host",
  listen: "8080",
  release: "v1.0.0",
  url: "",
  registration: "open",
  folder: "/x",
  stack: "chat",
  check: true,
};

describe("init without a terminal", () => {
  it("needs nothing more where every question has its flag", () => {
    requireAllAnswers(ALL);
    requireAllAnswers({ check: true, server: "host", yes: true });
    requireAllAnswers({ check: true, thisMachine: true, yes: true });
  });

  it("names every flag that is missing", () => {
    const run = (): void => requireAllAnswers({ check: true });
    expect(run).to.throw(UsageError, /7 flags are missing/);
    for (const name of Object.keys(ALL).filter((key) => key !== "check"))
      expect(run).to.throw(`--${name} <`);
  });

  it("needs the host key where the server is not asked", () => {
    expect(() => requireAllAnswers({ ...ALL, check: false })).to.throw("a flag is missing");
    expect(() => requireAllAnswers({ ...ALL, check: false })).to.throw("--host-key <public key>");
  });

  it("takes defaults only on the word of --yes", async () => {
    const interview = new Interview({ check: true, yes: true }, undefined);
    expect(await interview.answer(registrationQuestion)).to.equal("invite_only");
    const asking = new Interview({ check: true }, undefined);
    const error = await asking.answer(registrationQuestion).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(UsageError);
  });

  it("lets --yes decide neither the server nor what is asked again", async () => {
    const lines = ["chat.example.org", "open"];
    const said: string[] = [];
    const dialog = {
      say: (text: string) => said.push(text),
      ask: <Value>(question: Question<Value>) =>
        Promise.resolve(question.read(lines.shift() ?? "")),
    } as unknown as Dialog;
    const interview = new Interview({ check: true, yes: true }, dialog);
    expect(await interview.answer(serverQuestion)).to.deep.equal({ host: "chat.example.org" });
    expect(await interview.answer(registrationQuestion)).to.equal("invite_only");
    interview.failed("That did not work.", "registration");
    expect(await interview.answer(registrationQuestion)).to.equal("open");
    expect(said).to.deep.equal(["That did not work."]);
  });

  it("prefers a flag to the default, and names the flag whose value is wrong", async () => {
    const interview = new Interview({ check: true, yes: true, listen: "9000" }, undefined);
    expect(await interview.answer(listenQuestion)).to.deep.equal({
      address: "127.0.0.1",
      port: 9000,
    });
    const wrong = new Interview({ check: true, listen: "x" }, undefined);
    const error = await wrong.answer(listenQuestion).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(UsageError).with.property("message").that.contains("--listen: ");
  });
});

describe("flags of init that exclude each other", () => {
  const refusal = async (flags: Partial<Flags>): Promise<string> => {
    const error: unknown = await interviewOperator({ check: true, ...flags }, undefined).catch(
      (caught: unknown) => caught,
    );
    expect(error).to.be.instanceOf(UsageError);
    return (error as UsageError).message;
  };

  it("are those of a way to a server, where the chat is to be on this machine", async () => {
    const message = await refusal({
      ...{ thisMachine: true, server: "host", jumpHost: "gate", identityFile: "~/.ssh/id" },
      ...{ hostKey: KEY, throughRunner: true },
    });
    const names = ["server", "host-key", "identity-file", "jump-host", "through-runner"];
    for (const name of names)
      expect(message).to.contain(`--${name} and --this-machine exclude each other.`);
    expect(message).to.match(/\nNothing was written\.$/);
  });

  it("are the runner, which installs nothing, and the wish that something is installed", async () => {
    expect(await refusal({ throughRunner: true, prepareServer: true })).to.contain(
      "--prepare-server and --through-runner exclude each other",
    );
  });
});
