import { expect } from "chai";
import { parse } from "yaml";
import { type StackSettings, withSettings } from "../../../cli/init/stack-file.ts";
import { tunnelCommand } from "../../../cli/init/closing.ts";
import { parseSettings } from "../../../settings/parse.ts";
import { serverAddressSchema } from "../../../transport/index.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const SERVER = {
  ...{ host: "chat.example.org", port: 2222, hostKey: KEY, identityFile: "~/.ssh/my key" },
  jumpHost: "deploy@jump.example.org:22",
};
const server = serverAddressSchema.parse(SERVER);
const settings: StackSettings = {
  release: "v1.0.0",
  repository: "/srv/releases",
  server,
  directory: "/srv/chat",
  url: "https://chat.example.org",
  listen: { address: "127.0.0.1", port: 8080 },
  registration: "closed",
  prepareServer: true,
};
const SALT = "encryptionsalt: v1:RTL0haiDP24=:v1:eZAIIEwVS/6zbfNY:SBbrQeST/aGJ0+IJ3cjAhVhnk/ef7w==";

function configuration(text: string): Record<string, unknown> {
  const { config } = parse(text) as { config: Record<string, unknown> };
  const entries = Object.entries(config);
  return Object.fromEntries(entries.map(([key, value]) => [key.split(":")[1] ?? "", value]));
}

describe("the stack file that init writes", () => {
  it("has what was answered, as the settings read it", () => {
    const read = parseSettings(configuration(withSettings("", settings)));
    const { registration, ...others } = settings;
    expect(read).to.deep.include(others);
    expect(read.env).to.deep.equal({ REGISTRATION_MODE: registration });
  });

  it("has the runner where that is how the server is reached", () => {
    const { server: way } = parseSettings({
      release: "v1.0.0",
      server: { ...SERVER, access: "runner" },
    });
    const written = withSettings("", { ...settings, server: way, prepareServer: false });
    expect(parseSettings(configuration(written)).server).to.deep.equal(way);
    expect(way).to.have.property("access", "runner");
  });

  it("keeps what Pulumi wrote", () => {
    expect(withSettings(`${SALT}\n`, settings).split("\n")).to.include(SALT);
  });

  it("explains each setting", () => {
    const lines = withSettings(SALT, settings).split("\n");
    const tops = lines.flatMap((line, at) => (line.startsWith("  chatalot-deploy:") ? [at] : []));
    expect(tops.length).to.equal(7);
    for (const at of tops) expect(lines[at - 1], lines[at]).to.match(/^ {2}# /);
  });

  it("leaves out what has its default or isn't there", () => {
    const { url: _, ...without } = settings;
    const repository = "https://github.com/purpleneutral/chatalot.git";
    const text = withSettings("", { ...without, server: null, repository, prepareServer: false });
    expect(Object.keys(configuration(text))).to.deep.equal(["release", "server", "listen", "env"]);
    expect(configuration(text)["server"]).to.deep.equal({ directory: "/srv/chat" });
  });

  for (const release of ["1234567", "1e10234", "0123456", "12:30", "yes", "null"]) {
    it(`keeps the release ${release} from being read as something else`, () => {
      const text = withSettings("", { ...settings, release });
      for (const version of ["1.1", "1.2"] as const) {
        const { config } = parse(text, { version }) as { config: Record<string, unknown> };
        expect(config["chatalot-deploy:release"]).to.equal(release);
      }
    });
  }
});

describe("the way to register first", () => {
  it("is an ssh command for the same server, port, key and way", () => {
    expect(tunnelCommand(server, settings.listen)).to.equal(
      "ssh -L 8080:127.0.0.1:8080 -p 2222 -i ~/'.ssh/my key' -J deploy@jump.example.org:22 root@chat.example.org",
    );
  });

  it("leads to the server's loopback where all addresses are listened on", () => {
    const plain = serverAddressSchema.parse({ host: "chat", user: "me" });
    expect(tunnelCommand(plain, { address: "0.0.0.0", port: 1234 })).to.equal(
      "ssh -L 1234:127.0.0.1:1234 me@chat",
    );
    expect(tunnelCommand(plain, { address: "::", port: 1234 })).to.contain("1234:[::1]:1234");
  });
});
