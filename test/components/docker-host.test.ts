import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { execa } from "execa";
import { dockerHost } from "../../components/docker-host.ts";
import type { ServerAddress } from "../../transport/index.ts";

const server: ServerAddress = { host: "chat.example.org", user: "root" };

/** The values of ssh's `-o` options by their names. */
function settingsOf(address: ServerAddress): Record<string, string> {
  const options = dockerHost(address).sshOpts ?? [];
  const settings = options.filter((_, at) => options[at - 1] === "-o");
  return Object.fromEntries(
    settings.map((setting) => [
      setting.slice(0, setting.indexOf("=")),
      setting.slice(setting.indexOf("=") + 1),
    ]),
  );
}

describe("dockerHost", () => {
  const cache = process.env["XDG_CACHE_HOME"];
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-docker-host-"));
    process.env["XDG_CACHE_HOME"] = folder;
  });

  afterEach(async () => {
    if (cache === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = cache;
    await rm(folder, { recursive: true, force: true });
  });

  it("is this machine's Docker without a server", () => {
    expect(dockerHost(null)).to.deep.equal({});
  });

  it("never believes an unknown key, and never asks", () => {
    expect(dockerHost(server)).to.deep.equal({
      host: "ssh://root@chat.example.org",
      sshOpts: ["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"],
    });
  });

  it("has the port, and brackets around an IPv6 address", () => {
    expect(dockerHost({ ...server, port: 2222 }).host).to.equal("ssh://root@chat.example.org:2222");
    expect(dockerHost({ ...server, host: "2001:db8::1", port: 22 }).host).to.equal(
      "ssh://root@[2001:db8::1]:22",
    );
  });

  it("uses one private key only where one is named", () => {
    const { sshOpts } = dockerHost({ ...server, identityFile: "~/.ssh/chat" });
    expect(sshOpts?.slice(-4)).to.deep.equal(["-i", "~/.ssh/chat", "-o", "IdentitiesOnly=yes"]);
  });

  it("believes the configured keys only, by a file that nobody else reads", async () => {
    const hostKey = ["ssh-ed25519 AAAAC3", "ecdsa-sha2-nistp256 AAAAE2"];
    const settings = settingsOf({ ...server, hostKey });
    const file = settings["UserKnownHostsFile"]?.replaceAll('"', "") ?? "";
    const alias = settings["HostKeyAlias"] ?? "";
    expect(settings["GlobalKnownHostsFile"]).to.equal("/dev/null");
    expect(await readFile(file, "utf8")).to.equal(
      `${alias} ssh-ed25519 AAAAC3\n${alias} ecdsa-sha2-nistp256 AAAAE2\n`,
    );
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
  });

  it("gives servers files of their own, and the same server the same", () => {
    const hostKey = ["ssh-ed25519 AAAAC3"];
    const of = (host: string) => settingsOf({ ...server, host, hostKey })["UserKnownHostsFile"];
    expect(of("a")).to.equal(of("a")).and.not.equal(of("b"));
  });

  it("takes a known_hosts file whose name has a space", () => {
    const settings = settingsOf({ ...server, knownHostsFile: "/home/x/my hosts" });
    expect(settings["UserKnownHostsFile"]).to.equal('"/home/x/my hosts"');
  });

  it("goes through a jump host that is checked as strictly", () => {
    const command = settingsOf({
      ...server,
      jumpHost: { user: "deploy", host: "2001:db8::2", port: 2222 },
    })["ProxyCommand"];
    expect(command)
      .to.include("StrictHostKeyChecking=yes")
      .and.include("BatchMode=yes")
      .and.include("-l deploy -p 2222")
      .and.include("'[%h]:%p'")
      .and.match(/-- 2001:db8::2$/);
  });

  it("is taken by ssh itself", async () => {
    const { sshOpts = [] } = dockerHost({
      ...server,
      hostKey: ["ssh-ed25519 AAAAC3"],
      identityFile: "~/.ssh/chat",
      jumpHost: { host: "jump.example.org" },
    });
    const { stdout } = await execa("ssh", ["-G", "-F", "none", ...sshOpts, "chat.example.org"]);
    expect(stdout).to.include("\nbatchmode yes").and.include("\nproxycommand ssh ");
    expect(stdout).to.match(/\nuserknownhostsfile \S+\/known-hosts\/[0-9a-f]{32}\n/);
  });
});
