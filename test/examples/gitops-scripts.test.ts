/** The scripts of the example's workflows, run as the forge runs them; `gh` and the tool stand in. */
import { mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { expect } from "chai";
import { Forge, type ForgeState } from "./support/forge.ts";
import { script } from "./support/gitops.ts";
import { type ScriptRun, useRunner } from "./support/runner.ts";

const COMMIT = "1".repeat(40);
const MARKER = "<!-- chatalot preview: chat -->";

describe("the comment of the example's preview", () => {
  const runner = useRunner();
  async function comment(preview: string, outcome = "success", state: Partial<ForgeState> = {}) {
    const forge = await Forge.behind(runner(), state);
    await writeFile(runner().at("temp", "preview.txt"), preview);
    const { exitCode, output } = await runner().run(script("preview.yml", "Comment"), {
      ...{ STACK: "chat", OUTCOME: outcome, PULL_REQUEST: "7", GITHUB_REPOSITORY: "me/chat" },
      ...{ GITHUB_SHA: COMMIT, GITHUB_RUN_ID: "9", GITHUB_SERVER_URL: "https://forge.example" },
    });
    expect(exitCode, output).to.equal(0);
    return (await forge.state()).comments;
  }

  it("is added once, and edited from then on", async () => {
    const others = [
      { id: 1, type: "User" as const, body: `${MARKER}\nwritten by a person` },
      { id: 2, type: "Bot" as const, body: `of another bot, about ${MARKER}` },
      { id: 3, type: "Bot" as const, body: "<!-- chatalot preview: other -->\nanother stack" },
    ];
    const first = await comment("UPDATE one", "success", { comments: others });
    expect(first.slice(0, 3)).to.deep.equal(others);
    expect(first).to.have.length(4);
    expect(first[3]?.path).to.equal("repos/me/chat/issues/7/comments");
    expect(first[3]?.body)
      .to.contain("UPDATE one")
      .and.to.match(new RegExp(`^${MARKER}\n`));
    const second = await comment("UPDATE two", "success", { comments: first });
    expect(second).to.have.length(4);
    expect(second[3]?.body).to.contain("UPDATE two").and.to.not.contain("UPDATE one");
  });

  it("says so where the preview failed", async () => {
    const [refused] = await comment("REFUSED", "failure");
    expect(refused?.body).to.contain("### Preview of chat failed").and.to.contain("REFUSED");
    expect((await comment("UPDATE"))[0]?.body).to.not.contain("failed");
  });

  it("shows hostile names and changelogs as text", async () => {
    const hostile =
      "</pre><img src=x onerror=alert(1)> & ```\n@everyone \u001b[31mred\u0007\r\n\n# Heading <!-- x\n";
    const [shown] = await comment(hostile);
    const [, inside = ""] = /<pre>\n([^]*?)<\/pre>/.exec(shown?.body ?? "") ?? [];
    expect(inside).to.equal(
      "&lt;/pre&gt;&lt;img src=x onerror=alert(1)&gt; &amp; ```\n@everyone [31mred\n\n# Heading &lt;!-- x\n",
    );
  });

  it("is never longer than a comment may be", async () => {
    const [shown] = await comment(`${"<é".repeat(40)}\n`.repeat(2_000));
    expect(shown?.body.length).to.be.within(40_000, 65_536);
    expect(shown?.body)
      .to.contain("... cut here")
      .and.to.match(/<\/pre>\n\n1{40}/);
    expect(shown?.body).to.not.match(/&(?!lt;|gt;|amp;)/);
  });

  it("goes to a number and nothing else", async () => {
    await Forge.behind(runner());
    const wrong = { STACK: "chat", OUTCOME: "success", PULL_REQUEST: "7/../../x" };
    expect((await runner().run(script("preview.yml", "Comment"), wrong)).exitCode).to.equal(1);
  });
});

describe("the example's secrets", () => {
  const runner = useRunner();
  const PASSPHRASE = "a passphrase with $HOME, `id` and 'quotes'";
  const CREDENTIALS = "[default]\naws_secret_access_key = needle-credentials";
  const put = (variables: Record<string, string>): Promise<ScriptRun> =>
    runner().run(script("action.yml", "Put the secrets in place"), {
      ...{ KNOWN_HOSTS: "", BACKEND_CREDENTIALS: "", PULUMI_BACKEND_URL: "s3://bucket" },
      ...variables,
    });

  async function privateKey(): Promise<string> {
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", runner().at("key")]);
    return (await readFile(runner().at("key"), "utf8")).trim();
  }

  it("are in files that nobody else reads and in an agent, and in no argument", async () => {
    const key = await privateKey();
    const log = runner().at("arguments.log");
    for (const program of ["env", "ssh-agent", "ssh-add", "mkdir", "touch", "grep"]) {
      const { stdout: real } = await execa("which", [program]);
      await runner().program(program, `#!/bin/sh\necho "$0 $*" >> '${log}'\nexec '${real}' "$@"\n`);
    }
    const knownHosts = "jump.example.org ssh-ed25519 AAAA\n";
    const variables = { PASSPHRASE, SSH_KEY: key, BACKEND_CREDENTIALS: CREDENTIALS };
    const { exitCode, output, environment } = await put({ ...variables, KNOWN_HOSTS: knownHosts });
    expect(exitCode, output).to.equal(0);
    const agent = environment.SSH_AUTH_SOCK ?? "";
    try {
      const { stdout: publicKey } = await execa("ssh-add", ["-L"], {
        env: { SSH_AUTH_SOCK: agent },
      });
      const expected = (await readFile(runner().at("key.pub"), "utf8")).split(" ")[1];
      expect(publicKey.split(" ")[1]).to.equal(expected);
      const said = await readFile(log, "utf8");
      expect(said).to.contain("ssh-add -q -t 7h -");
      for (const secret of [PASSPHRASE, "needle-credentials", key.split("\n")[2] ?? "?"]) {
        expect(said).to.not.contain(secret);
        expect(output).to.not.contain(secret);
        expect(await environmentOf(agent)).to.not.contain(secret);
      }
    } finally {
      await stopAgent(agent);
    }
    expect(await readFile(environment.PULUMI_CONFIG_PASSPHRASE_FILE ?? "", "utf8")).to.equal(
      `${PASSPHRASE}\n`,
    );
    expect(await readFile(environment.AWS_SHARED_CREDENTIALS_FILE ?? "", "utf8")).to.equal(
      `${CREDENTIALS}\n`,
    );
    for (const file of await readdir(runner().at("temp", "chatalot")))
      expect((await stat(runner().at("temp", "chatalot", file))).mode & 0o077, file).to.equal(0);
    expect(await readFile(runner().at("home", ".ssh", "known_hosts"), "utf8")).to.contain(
      knownHosts,
    );
  });

  it("that are not there are named, before anything is made", async () => {
    for (const [missing, variables] of [
      ["PASSPHRASE", { PASSPHRASE: "", SSH_KEY: "x" }],
      ["SSH_KEY", { PASSPHRASE, SSH_KEY: "" }],
      ["PULUMI_BACKEND_URL", { PASSPHRASE, SSH_KEY: "x", PULUMI_BACKEND_URL: "" }],
    ] as const) {
      const { exitCode, output } = await put(variables);
      expect(exitCode, output).to.equal(1);
      expect(output).to.contain("::error::").and.to.contain(missing);
    }
    expect(await readdir(runner().at("temp"))).to.deep.equal([]);
  });

  /** The agent is the process that has its socket's path in its arguments. */
  async function agentId(socket: string): Promise<string> {
    for (const id of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      const argv = await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "");
      if (argv === `ssh-agent\0-a\0${socket}\0` || argv.endsWith(`/ssh-agent\0-a\0${socket}\0`))
        return id;
    }
    throw new Error(`no agent at ${socket}`);
  }

  async function environmentOf(socket: string): Promise<string> {
    return readFile(`/proc/${await agentId(socket)}/environ`, "utf8");
  }

  async function stopAgent(socket: string): Promise<void> {
    process.kill(Number(await agentId(socket)));
  }
});

describe("the checkouts of the example", () => {
  const runner = useRunner();
  /** A repository on the forge with a stack file. */
  async function repository(): Promise<{
    commit: (file: string) => Promise<string>;
    variables: (sha: string) => Record<string, string>;
  }> {
    await Forge.behind(runner());
    const folder = runner().at("forge", "me", "chat");
    const git = async (...argv: string[]) =>
      (
        await execa("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...argv], {
          cwd: folder,
        })
      ).stdout;
    await mkdir(folder, { recursive: true });
    await git("init", "--quiet", "--initial-branch", "main");
    let count = 0;
    return {
      commit: async (file) => {
        await writeFile(`${folder}/${file}`, `${++count}\n`);
        await git("add", file);
        await git("commit", "--quiet", "--message", `change ${file}`);
        return git("rev-parse", "HEAD");
      },
      variables: (sha) => ({
        ...{ GITHUB_SERVER_URL: `file://${runner().at("forge")}`, GITHUB_REPOSITORY: "me/chat" },
        GITHUB_SHA: sha,
      }),
    };
  }

  const UP = script("up.yml", "Check out, unless main has moved on");

  it("have the files of the commit, also in a workspace that was used before", async () => {
    const { commit, variables } = await repository();
    const [one, two] = [await commit("Pulumi.chat.yaml"), await commit("Pulumi.chat.yaml")];
    for (const [sha, text] of [
      [one, "1\n"],
      [two, "2\n"],
    ] as const) {
      for (const workflow of ["preview.yml", "updates.yml"]) {
        const { exitCode, output } = await runner().run(
          script(workflow, "Check out"),
          variables(sha),
        );
        expect(exitCode, output).to.equal(0);
        expect(await readFile(runner().at("workspace", "Pulumi.chat.yaml"), "utf8")).to.equal(text);
      }
    }
  });

  it("let a run go on whose settings are still those of main", async () => {
    const { commit, variables } = await repository();
    const sha = await commit("Pulumi.chat.yaml");
    await commit("README.md");
    const { outputs } = await runner().run(UP, variables(sha));
    expect(outputs).to.deep.equal({ newest: "true" });
    expect(await readFile(runner().at("workspace", "Pulumi.chat.yaml"), "utf8")).to.equal("1\n");
  });

  it("end a run that was started again after main has moved on", async () => {
    const { commit, variables } = await repository();
    const old = await commit("Pulumi.chat.yaml");
    const newest = await commit("Pulumi.chat.yaml");
    const { exitCode, output, outputs } = await runner().run(UP, variables(old));
    expect(exitCode, output).to.equal(0);
    expect(outputs).to.deep.equal({ newest: "false" });
    expect(output).to.contain(`Nothing was done: main has moved on to ${newest}`);
  });
});
