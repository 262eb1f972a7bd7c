import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkout } from "../../../common/checkout.ts";
import { Terminal } from "../../server/support/terminal.ts";
import { FakePulumi } from "../support/fake-pulumi.ts";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJgbIZ0yFg1pgTLSKzP2CRbnxD2ehJ9F2EzBqhgk8uB4";

describe("chatalot init in a terminal", () => {
  const pulumi = new FakePulumi();
  let home: string;

  beforeEach(async () => {
    await pulumi.arrive();
    home = await mkdtemp(join(tmpdir(), "init-"));
  });
  afterEach(async () => {
    await pulumi.leave();
    await rm(home, { recursive: true, force: true });
  });

  it("ends with 3 and writes nothing where the operator declines", async () => {
    await pulumi.answers("version", "echo v3.999.0");
    const given = [
      ...["--server", "root@chat.example.org", "--host-key", HOST_KEY, "--no-check"],
      ...["--repository", join(home, "none"), "--release", "v1.0.0"],
      ...["--listen", "127.0.0.1:8080", "--url", "", "--registration", "open"],
      ...["--folder", join(home, "stack"), "--stack", "chat"],
    ];
    const wizard = new Terminal([join(checkout, "cli", "chatalot"), "init", ...given], home, {
      PATH: process.env.PATH ?? "",
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
    });
    await wizard.answer("[yes]: ", "no");
    expect(await wizard.end()).to.equal(3);
    expect(wizard.screen).to.contain("Nothing was written.");
    expect(await readdir(home)).not.to.contain("stack");
  });
});
