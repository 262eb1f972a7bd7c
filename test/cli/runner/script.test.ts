import { expect } from "chai";
import { UserError } from "../../../common/errors.ts";
import { runnerRule } from "../../../common/runner-rule.ts";
import { installScript, type RunnerOptions } from "../../../cli/runner/script.ts";
import { HOSTILE_VALUES, named } from "../../support/hostile-values.ts";

const GOOD: RunnerOptions = {
  ...{ user: "deploy", directory: "/srv/chatalot", project: "chatalot", machine: "x86_64" },
};

describe("the script that installs the runner", () => {
  it("takes no hostile value: every one would be a part of what root's shell reads", async () => {
    for (const value of HOSTILE_VALUES)
      for (const member of ["user", "directory", "project", "machine", "allow"] as const) {
        const isPath = member === "directory" && /^(?:\/[\w][\w.-]*)+$/.test(value);
        const isWord = /^[a-z_][a-z0-9_-]{0,31}$/.test(value) && /user|project/.test(member);
        if (isPath || isWord) continue;
        const options = { ...GOOD, [member]: member === "allow" ? [value] : value };
        const error: unknown = await installScript(options, () => undefined).catch(
          (cause: unknown) => cause,
        );
        expect(error, `${member} ${named(value)}`).to.be.instanceOf(UserError);
      }
  });

  it("names each option that is wrong, with an example", async () => {
    const options = { ...GOOD, user: "root", directory: "/srv/../etc" };
    const error: unknown = await installScript({ ...options, user: "Root" }, () => undefined).catch(
      (cause: unknown) => cause,
    );
    expect((error as UserError).message)
      .to.contain("--user")
      .and.to.contain("--directory");
    const root: unknown = await installScript({ ...GOOD, user: "root" }, () => undefined).catch(
      (cause: unknown) => cause,
    );
    expect((root as UserError).message).to.contain("not root");
  });
});

describe("runnerRule", () => {
  it("allows one program, and no argument", () => {
    expect(runnerRule("deploy")).to.equal(
      'deploy ALL=(root) NOPASSWD: /usr/local/sbin/chatalot-deploy-runner ""',
    );
  });
});
