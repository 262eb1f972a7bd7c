import { expect } from "chai";
import {
  action,
  scripts,
  workflow,
  WORKFLOWS,
  workflowSchema,
  type RunStep,
} from "./support/gitops.ts";
import { bash } from "./support/runner.ts";

/** Expressions that anybody may have written who can open a pull request, or push a tag or a branch. */
const WRITTEN_BY_OTHERS =
  /github\.(?:event\.(?!pull_request\.number\b|pull_request\.head\.repo\.full_name\b)|head_ref|ref_name|actor|triggering_actor)/;

const EXPRESSION = /\$\{\{(.*?)\}\}/gs;

/** What is wrong with a step, by the rules that these tests hold every step to. */
function problemsOf({ run, env = {} }: Pick<RunStep, "run" | "env">): string[] {
  const problems: string[] = [];
  // Put into the text of a script, a value is code. Through the environment it is a value.
  if (run.includes("${{")) problems.push("an expression is part of the script");
  for (const [name, value] of Object.entries(env))
    for (const [, expression = ""] of value.matchAll(EXPRESSION))
      if (WRITTEN_BY_OTHERS.test(expression)) problems.push(`${name} is written by others`);
  return problems;
}

describe("the example for GitOps", () => {
  it("has workflows of the form that is checked here, and refuses others", () => {
    for (const of of WORKFLOWS) expect(workflow(of).name).to.equal(of);
    const up = workflow("up");
    for (const wrong of [
      { ...up, on: { pull_request_target: { branches: ["main"] } } },
      { ...up, permissions: "write-all" },
      { ...up, concurrency: undefined },
      { ...up, jobs: { up: { ...up.jobs.up, permissions: { contents: "write" } } } },
      { ...up, jobs: { up: { ...up.jobs.up, steps: [{ name: "x", uses: "else/where@v1" }] } } },
    ])
      expect(workflowSchema.safeParse(wrong).success).to.equal(false);
  });

  it("asks for no more rights than each workflow needs", () => {
    expect(workflow("preview").permissions).to.deep.equal({
      ...{ contents: "read", "pull-requests": "write" },
    });
    expect(workflow("up").permissions).to.deep.equal({ contents: "read" });
    expect(workflow("updates").permissions).to.deep.equal({
      ...{ actions: "write", contents: "write", "pull-requests": "write" },
    });
  });

  it("never runs two updates at once, and ends none half-way", () => {
    const { concurrency, on, jobs } = workflow("up");
    // Without an expression the group is the same for each run.
    expect(concurrency).to.deep.equal({ group: "up", "cancel-in-progress": false });
    expect(on.push?.branches).to.deep.equal(["main"]);
    expect(Object.keys(jobs)).to.deep.equal(["up"]);
    expect(jobs.up?.if).to.equal("github.ref == 'refs/heads/main'");
  });

  it("previews only the newest commit of a pull request, and never one from a fork", () => {
    const { concurrency, jobs } = workflow("preview");
    expect(concurrency["cancel-in-progress"]).to.equal(true);
    expect(concurrency.group).to.contain("github.event.pull_request.number");
    expect(jobs.preview?.if).to.contain(
      "github.event.pull_request.head.repo.full_name == github.repository",
    );
  });

  it("watches the same files in a pull request, after the merge, and when it asks whether main moved on", () => {
    const paths = workflow("preview").on.pull_request?.paths;
    expect(workflow("up").on.push?.paths).to.deep.equal(paths);
    const checkout = scripts().find(({ step }) => step.id === "checkout")?.step.run ?? "";
    const compared = /git diff --quiet "\$newest" HEAD -- (.*); then/.exec(checkout)?.[1];
    expect(compared?.replaceAll("'", "").split(" ")).to.deep.equal(paths);
  });

  it("puts no value into the text of a script, and none that others wrote into its environment", () => {
    expect(scripts().length).to.be.greaterThan(8);
    for (const { where, step } of scripts())
      expect(problemsOf(step), `${where}, ${step.name}`).to.deep.equal([]);
  });

  it("would find such values", () => {
    expect(problemsOf({ run: 'echo "${{ github.event.pull_request.title }}"' })).to.have.length(1);
    expect(problemsOf({ run: "x", env: { A: "${{ github.head_ref }}" } })).to.have.length(1);
    expect(
      problemsOf({ run: "x", env: { A: "${{ github.event.pull_request.body }}" } }),
    ).to.have.length(1);
    expect(
      problemsOf({ run: "x", env: { A: "${{ github.event.pull_request.number }}" } }),
    ).to.have.length(0);
  });

  it("hands secrets to its own action only, where one step has them in its environment", () => {
    for (const of of WORKFLOWS) {
      const { env, jobs } = workflow(of);
      expect(JSON.stringify(env)).to.not.contain("secrets.");
      for (const { steps } of Object.values(jobs))
        for (const step of steps)
          if ("run" in step) expect(JSON.stringify(step)).to.not.contain("secrets.");
          else expect(Object.keys(action().inputs)).to.include.members(Object.keys(step.with));
    }
    const withInputs = action().runs.steps.filter((step) =>
      JSON.stringify(step).includes("inputs."),
    );
    expect(withInputs.map((step) => step.name)).to.deep.equal(["Put the secrets in place"]);
  });

  it("has scripts that are bash", async () => {
    for (const { where, step } of scripts()) {
      const { exitCode, output } = await bash(["-n", "-c", step.run]);
      expect(exitCode, `${where}, ${step.name}: ${output}`).to.equal(0);
    }
    expect((await bash(["-n", "-c", "if true; then"])).exitCode).to.not.equal(0);
  });
});
