import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { settingsOfStack } from "../../cli/stack.ts";
import { UserError } from "../../common/errors.ts";
import { FakePulumi } from "./support/fake-pulumi.ts";

const messageFrom = (stack?: string): Promise<string> =>
  settingsOfStack(stack).then(
    () => "none",
    (error: unknown) => {
      expect(error).to.be.instanceOf(UserError);
      return (error as UserError).message;
    },
  );

describe("the settings of a stack", () => {
  const pulumi = new FakePulumi();
  beforeEach(() => pulumi.arrive());
  afterEach(() => pulumi.leave());

  it("are read of the stack that is named", async () => {
    await pulumi.configuredAs({ release: "v1.0.0", server: { host: "chat.example.org" } });
    const { settings, place } = await settingsOfStack("prod");
    expect(settings.release).to.equal("v1.0.0");
    expect(place.server?.host).to.equal("chat.example.org");
    expect(await pulumi.calls()).to.deep.equal(["config --json --non-interactive --stack prod"]);
  });

  it("are refused in Pulumi's words, with what to do", async () => {
    await pulumi.answers("config", "echo \"error: no stack named 'other' found\" >&2; exit 255");
    expect(await messageFrom("other")).to.equal(
      "The stack's configuration can't be read: no stack named 'other' found. Run this where you run pulumi " +
        "up, or name the stack with --stack.",
    );
  });

  it("tell where there is no Pulumi", async () => {
    const path = process.env.PATH;
    const empty = await mkdtemp(join(tmpdir(), "empty-"));
    process.env.PATH = empty;
    try {
      expect(await messageFrom()).to.contain("there is no pulumi on the PATH. Install it");
    } finally {
      process.env.PATH = path;
      await rm(empty, { recursive: true });
    }
  });

  it("tell of a Pulumi that ends without a word", async () => {
    await pulumi.answers("config", "exit 3");
    expect(await messageFrom()).to.match(
      /could not read the configuration: Command failed with exit code 3/,
    );
  });
});
