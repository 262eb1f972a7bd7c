import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { Operator, type Run } from "./support/operator.ts";

/** A wrong value for a key, and what the line that names it must say. */
const WRONG: [key: string, value: string, said: RegExp][] = [
  ["release", "-v1.0.0", /expected a tag, a commit/],
  ["repository", "http://user:pass@example.org/x.git", /expected/],
  ["server.host", "-oProxyCommand=x", /expected a host name/],
  ["server.port", "70000", /expected a port from 1 to 65535/],
  ["server.user", "root;id", /expected a user name/],
  ["server.hostKey", "ssh-ed25519", /expected|key/],
  ["server.directory", "srv/chat", /expected the absolute path/],
  ["project", "Chat!", /expected/],
  ["url", "chat.example.org/path", /expected/],
  ["listen.address", "everywhere", /expected an IP address/],
  ["listen.port", "0", /expected a port/],
  ["listen.beforeOwner", "shut", /"loopback"|loopback/],
  ["health.timeout", "60", /unit|seconds/],
  ["health.public", "maybe", /"warn"|warn/],
  ["keep.releases", "0", /from 1 to 100|expected/],
  ["keep.revertPoint", "1", /revertPoints/],
  ["backup.keepLast", "none", /expected/],
  ["image", "build it", /expected/],
  ["buildOn", "there", /"server"|server/],
  ["build.memory", "2", /unit|GB/],
  ["whenItFails", "shrug", /revert/],
  ["env.REGISTRATION_MODE", "everybody", /invite_only/],
  ["env.REGISTRATON_MODE", "open", /REGISTRATION_MODE/],
  ["env.GIPHY_API_KEY", "abc", /secretEnv/],
];

describe("a stack with a wrong configuration", function () {
  this.timeout(120_000);
  let operator: Operator;
  let run: Run;

  before(async () => {
    operator = await Operator.arrive();
    await operator.configure(Object.fromEntries(WRONG.map(([key, value]) => [key, value])));
    // A path that was set without --path.
    await appendFile(
      join(operator.folder, "Pulumi.test.yaml"),
      "  chatalot-deploy:server.identityFile: ~/.ssh/id\n",
    );
    run = await operator.preview();
  });
  after(() => operator?.leave());

  it("is refused in the preview, without a stack trace", () => {
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.include("The stack's configuration can't be used");
    expect(run.output).not.to.match(/\n +at .+:\d+:\d+/);
  });

  for (const [key, value, said] of WRONG)
    it(`is told of ${key}: ${value}`, () => {
      const name = `chatalot-deploy:${key}: `;
      const line = run.output.split("\n").find((text) => text.trim().startsWith(name));
      expect(line, run.output).to.match(said);
    });

  it("is told of a key that was set without --path, with the right command", () => {
    expect(run.output).to.include("pulumi config set --path server.identityFile");
  });
});
