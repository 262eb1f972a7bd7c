/** The scripts of the example's updates.yml; `gh` and the tool stand in. */
import { mkdir, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { expect } from "chai";
import { Forge } from "./support/forge.ts";
import { script } from "./support/gitops.ts";
import { useRunner } from "./support/runner.ts";

const COMMIT = "1".repeat(40);

describe("the example's look for updates", () => {
  const runner = useRunner();
  const PIN = `v0.23.0@${COMMIT}`;
  const LOOK = script("updates.yml", "Look for a newer release");
  const OPEN = script("updates.yml", "Open the pull request");

  /** A workspace with a tool that finds this release. */
  async function workspace(check: string): Promise<void> {
    const git = (...argv: string[]) =>
      execa("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...argv], {
        cwd: runner().at("workspace"),
      });
    await mkdir(runner().at("workspace", "tool", "cli"), { recursive: true });
    await writeFile(runner().at("workspace", "Pulumi.chat.yaml"), "release: v0.22.6\n");
    await writeFile(
      runner().at("workspace", "tool", "cli", "chatalot"),
      `#!/bin/sh\nset -- "$4"\n[ "$1" = --pin ] && echo 'release: ${PIN}' > Pulumi.chat.yaml && exit 0\n${check}\n`,
      { mode: 0o755 },
    );
    await git("init", "--quiet", "--initial-branch", "main");
    await git("add", "Pulumi.chat.yaml");
    await git("commit", "--quiet", "--allow-empty", "--message", "before");
  }

  it("ends well where there is nothing, and fails where it can't tell", async () => {
    await workspace("echo 'v0.22.6 serves, nothing is newer'; exit 3");
    const nothing = await runner().run(LOOK, { STACK: "chat" });
    expect([nothing.exitCode, nothing.outputs]).to.deep.equal([0, {}]);
    await workspace("echo unreachable >&2; exit 1");
    expect((await runner().run(LOOK, { STACK: "chat" })).exitCode).to.equal(1);
  });

  it("takes nothing that is no tag and commit", async () => {
    for (const wrong of ["v1.0.0", `v1 x@${COMMIT}`, `$(id)@${COMMIT}`, `-x@${COMMIT}`]) {
      await workspace(`echo '${wrong}'`);
      const { exitCode, outputs } = await runner().run(LOOK, { STACK: "chat" });
      expect([exitCode, outputs], wrong).to.deep.equal([1, {}]);
    }
  });

  it("opens one pull request for a release, whose preview is started, and never asks again", async () => {
    await workspace(`echo '${PIN}'`);
    await execa("git", ["init", "--quiet", "--bare", runner().at("forge", "me", "chat")]);
    const forge = await Forge.behind(runner());
    const { outputs, output } = await runner().run(LOOK, { STACK: "chat" });
    expect(outputs, output).to.deep.equal({ pin: PIN });
    const variables = {
      ...{ STACK: "chat", PIN, GITHUB_SERVER_URL: `file://${runner().at("forge")}` },
      GITHUB_REPOSITORY: "me/chat",
    };
    const opened = await runner().run(OPEN, variables);
    expect(opened.exitCode, opened.output).to.equal(0);
    const state = await forge.state();
    expect(state.pulls).to.deep.equal([
      { number: 1, state: "open", head: "chatalot-update", title: `Update chat to ${PIN}` },
    ]);
    expect(state.started).to.deep.equal(["preview.yml chatalot-update pull-request=1"]);
    const shown = ["show", "chatalot-update:Pulumi.chat.yaml"];
    const { stdout } = await execa("git", shown, { cwd: runner().at("forge", "me", "chat") });
    expect(stdout).to.equal(`release: ${PIN}`);
    expect((await runner().run(OPEN, variables)).output).to.contain("There is, or was");
    expect(await forge.state()).to.deep.equal(state);
  });

  it("makes the open pull request for an older release the one for the newer", async () => {
    await workspace(`echo '${PIN}'`);
    await execa("git", ["init", "--quiet", "--bare", runner().at("forge", "me", "chat")]);
    const old = {
      number: 1,
      state: "open" as const,
      head: "chatalot-update",
      title: "Update chat to v0.22.9",
    };
    const forge = await Forge.behind(runner(), { pulls: [old] });
    await runner().run(LOOK, { STACK: "chat" });
    const { exitCode, output } = await runner().run(OPEN, {
      ...{ STACK: "chat", PIN, GITHUB_SERVER_URL: `file://${runner().at("forge")}` },
      GITHUB_REPOSITORY: "me/chat",
    });
    expect(exitCode, output).to.equal(0);
    expect((await forge.state()).pulls).to.deep.equal([{ ...old, title: `Update chat to ${PIN}` }]);
  });
});
