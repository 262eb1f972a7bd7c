import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { CanceledError } from "../../../cli/exit-codes.ts";
import { type Agreement, changeStack, takenBackJob } from "../../../cli/run/change.ts";
import type { Ask } from "../../../cli/terminal.ts";
import { pinRelease } from "../../../cli/updates.ts";
import { UserError } from "../../../common/errors.ts";
import { requester } from "../../../provider/place.ts";
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import { FakeServer } from "../../provider/support/fake-server.ts";
import { COMMIT, NEWER, place, servingState } from "../../provider/support/samples.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const BEFORE = "config:\n  chatalot-deploy:release: v1.0.0\n";
const AFTER = "config:\n  chatalot-deploy:release: v1.1.0\n";
const DRAFT = ".update.Pulumi.prod.yaml";

describe("a change of the stack", () => {
  const openTransport = RemoteServer.openTransport;
  const pulumi = new FakePulumi();
  let server: FakeServer;
  let told: string[];

  beforeEach(async () => {
    await pulumi.arrive(BEFORE);
    await chmod(pulumi.stackFile, 0o640);
    server = new FakeServer();
    server.state = servingState();
    await server.arrive();
    told = [];
  });
  afterEach(async () => {
    await server.leave(openTransport);
    await pulumi.leave();
  });

  const yes: Agreement = { yes: true, question: undefined };
  const asked = (question: Ask): Agreement => ({ yes: false, question });
  const change = (agreement: Agreement | undefined, refreshes = false) =>
    changeStack(
      undefined,
      {
        ...{ name: "update", question: "Update?" },
        edit: (text) => text.replace("v1.0.0", "v1.1.0"),
        aim: {
          ...{ server: RemoteServer.at(place), commit: NEWER, refreshes },
          ...{ underWay: "It goes on.", served: "names v1.1.0.", lookAt: '"release"' },
        },
      },
      agreement,
      { tell: (text) => void told.push(text) },
    );
  const verbs = async (): Promise<string[]> =>
    (await pulumi.calls()).filter((call) => /^(preview|up) ?/.test(call));
  const stackText = (): Promise<string> => readFile(pulumi.stackFile, "utf8");
  const expectUntouched = async (text = BEFORE): Promise<void> => {
    expect(await stackText()).to.equal(text);
    expect((await stat(pulumi.stackFile)).mode & 0o777).to.equal(0o640);
    expect(await readdir(dirname(pulumi.stackFile))).to.have.members([
      "Pulumi.yaml",
      "Pulumi.prod.yaml",
    ]);
  };
  const errorOf = (run: Promise<unknown>): Promise<unknown> =>
    run.then(
      (result) => result,
      (error: unknown) => error,
    );

  it("is previewed from a draft, agreed to, and brought; the file keeps its mode", async () => {
    await pulumi.answers("preview", `cat ${DRAFT} Pulumi.prod.yaml > ../seen`);
    const questions: string[] = [];
    const question = (text: string): Promise<string> => {
      questions.push(text);
      return Promise.resolve("y");
    };
    expect(await change(asked(question))).to.equal("done");
    expect(await readFile("../seen", "utf8")).to.equal(AFTER + BEFORE);
    expect(questions).to.deep.equal(["\nUpdate? [y/N]"]);
    expect(await verbs()).to.deep.equal([
      `preview --config-file ${dirname(pulumi.stackFile)}/${DRAFT}`,
      "up --yes --skip-preview",
    ]);
    await expectUntouched(AFTER);
    expect(told).to.deep.equal(["Pulumi.prod.yaml names v1.1.0."]);
  });

  it("leaves a stack file that is a link one, and changes what it leads to", async () => {
    const folder = join(dirname(pulumi.stackFile), "..", "repository");
    await mkdir(folder);
    await rename(pulumi.stackFile, join(folder, "settings"));
    await symlink("../repository/settings", pulumi.stackFile);
    expect(await change(yes)).to.equal("done");
    expect(await readlink(pulumi.stackFile)).to.equal("../repository/settings");
    expect(await readFile(join(folder, "settings"), "utf8")).to.equal(AFTER);
    expect(await readdir(folder)).to.deep.equal(["settings"]);
    // By the name of a YAML file, and beside the one that is replaced.
    expect((await verbs())[0]).to.match(
      /^preview --config-file .*\/repository\/\.update\.settings\.yaml$/,
    );
  });

  it("changes nothing where the person says no", async () => {
    expect(await change(asked(() => Promise.resolve("n")))).to.equal("declined");
    await expectUntouched();
    expect(await verbs()).to.have.length(1);
  });

  it("leaves no draft behind where the person presses ^C", async () => {
    const canceled = change(asked(() => Promise.reject(new CanceledError("canceled"))));
    expect(await errorOf(canceled)).to.be.instanceOf(CanceledError);
    await expectUntouched();
    expect(await verbs()).to.have.length(1);
  });

  it("is refused where the file was changed while the person was asked", async () => {
    const question = async (): Promise<string> => {
      await appendFile(pulumi.stackFile, "# of somebody\n");
      return "y";
    };
    const error = await errorOf(change(asked(question)));
    expect(error).to.be.instanceOf(UserError);
    expect((error as Error).message).to.match(/^Nothing was changed: .* was changed meanwhile/);
    await expectUntouched(`${BEFORE}# of somebody\n`);
    expect(await verbs()).to.have.length(1);
  });

  it("shows the preview where nothing is asked as well, and obeys it", async () => {
    await pulumi.answers("preview", "exit 1");
    const error = await errorOf(change(yes));
    expect((error as Error).message).to.contain("the preview failed");
    await expectUntouched();
    expect(await verbs()).to.have.length(1);
  });

  it("is only previewed where that is all that is wanted", async () => {
    expect(await change({ ...yes, previewOnly: true })).to.equal("previewed");
    await expectUntouched();
    expect(await verbs()).to.have.length(1);
  });

  it("has no preview where it was agreed to before", async () => {
    expect(await change(undefined)).to.equal("done");
    expect(await verbs()).to.deep.equal(["up --yes --skip-preview"]);
  });

  it("reads the state anew in the preview as well, where the server is another one", async () => {
    await change(yes, true);
    for (const verb of await verbs()) expect(verb).to.match(/ --refresh --run-program$/);
    expect(await verbs()).to.have.length(2);
  });

  it("leaves the file as it was where it failed", async () => {
    await pulumi.answers("up", "exit 1");
    expect(await change(yes)).to.equal("failed");
    await expectUntouched();
    expect(told).to.deep.equal(["Pulumi.prod.yaml is as it was before."]);
  });

  it("leaves alone what somebody wrote while it ran", async () => {
    await pulumi.answers("up", "echo '# of somebody' >> Pulumi.prod.yaml; exit 1");
    expect(await change(yes)).to.equal("failed");
    await expectUntouched(`${AFTER}# of somebody\n`);
    expect(told.join()).to.contain('was changed meanwhile and is left alone. Look at "release".');
  });

  it("needs the operator where the job could not go back", async () => {
    await pulumi.answers("up", "exit 1");
    server.state = servingState({ needsOperator: "job 4 failed" });
    expect(await change(yes)).to.equal("needs-operator");
    await expectUntouched();
  });

  it("is not undone while it goes on", async () => {
    await pulumi.answers("up", "exit 1");
    server.state = servingState({
      openJob: {
        ...{ sequence: 4, kind: "switch", requestedBy: requester(), step: "J8" },
        ...{ openedAt: "2026-03-03T12:00:00Z", release: { name: "v1.1.0", commit: NEWER } },
      },
    });
    expect(await change(yes)).to.equal("under-way");
    await expectUntouched(AFTER);
  });

  it("leaves the file as it was where the nightly backup stands in its way", async () => {
    await pulumi.answers("up", "exit 1");
    server.state = servingState({
      openJob: {
        ...{ sequence: 4, kind: "backup", requestedBy: "the schedule", step: "J4" },
        openedAt: "2026-03-03T03:30:00Z",
      },
    });
    expect(await change(yes)).to.equal("failed");
    await expectUntouched();
    expect(told).to.deep.equal(["Pulumi.prod.yaml is as it was before."]);
  });

  it("keeps the mode where a release is only pinned", async () => {
    await pinRelease(undefined, "v1.1.0");
    await expectUntouched(AFTER);
  });
});

describe("what may be tried again", () => {
  it("is what was taken back here, and nothing else", () => {
    const taken = { commit: COMMIT, sequence: 4, at: "2026-03-01T12:00:00Z", cause: "it exited" };
    const state = servingState({ reverted: [taken] });
    expect(takenBackJob("v1.0.0", COMMIT, state)).to.equal(4);
    expect(() => takenBackJob("v1.1.0", NEWER, state)).to.throw(
      UserError,
      'v1.1.0 was not tried and taken back here. Leave "--retry" away.',
    );
  });
});
