import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { readSettings } from "../../settings.ts";

/** What Pulumi hands to a program: text, and JSON for keys that were set with a path. */
function configure(values: Record<string, string>, secretKeys: string[] = []): void {
  const { name } = new pulumi.Config();
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(values).map(([key, value]) => [`${name}:${key}`, value])),
    secretKeys.map((key) => `${name}:${key}`),
  );
}

function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

describe("readSettings", () => {
  afterEach(() => {
    pulumi.runtime.setAllConfig({});
  });

  it("reads what `pulumi config set` has written", async () => {
    configure(
      {
        release: "v0.22.6",
        server: '{"host":"chat.example.org","port":2222}',
        url: "https://chat.example.org",
        listen: '{"port":3000}',
        env: '{"MAX_FILE_SIZE_MB":250}',
        secretEnv: '{"GIPHY_API_KEY":"topsecret"}',
        profiles: '["turn"]',
        health: '{"mustStayGoodFor":"1 second"}',
        prepareServer: "true",
      },
      ["secretEnv"],
    );
    const { secretEnv, ...settings } = readSettings();
    expect(settings).to.deep.include({
      release: "v0.22.6",
      place: {
        server: { user: "root", host: "chat.example.org", port: 2222 },
        directory: "/srv/chatalot",
        project: "chatalot",
        volumes: ["chatalot_postgres_data", "chatalot_file_storage"],
        port: 3000,
      },
      configuration: {
        url: "https://chat.example.org",
        listen: { address: "127.0.0.1", port: 3000 },
        env: { MAX_FILE_SIZE_MB: "250" },
        profiles: ["turn"],
        databaseVolume: "chatalot_postgres_data",
        filesVolume: "chatalot_file_storage",
      },
      gate: { timeout: 60_000, migrationTimeout: 1_800_000, mustStayGoodFor: 1_000 },
      public: "warn",
      prepareServer: true,
      secretEnvNames: ["GIPHY_API_KEY"],
    });
    expect(await pulumi.isSecret(secretEnv)).to.equal(true);
    expect(await promiseOf(secretEnv)).to.deep.equal({ GIPHY_API_KEY: "topsecret" });
    expect(JSON.stringify(settings)).not.to.include("topsecret");
  });

  describe("names an address that can be opened", () => {
    const here = undefined;
    const there = "chat.example.org";
    const table: [address: string, server: string | undefined, expected: string][] = [
      ["127.0.0.1", here, "http://127.0.0.1:8080"],
      ["::1", here, "http://[::1]:8080"],
      ["0.0.0.0", here, "http://localhost:8080"],
      ["::", here, "http://localhost:8080"],
      ["127.0.0.1", there, "http://127.0.0.1:8080 on chat.example.org"],
      ["127.1.2.3", there, "http://127.1.2.3:8080 on chat.example.org"],
      ["::1", there, "http://[::1]:8080 on chat.example.org"],
      ["0.0.0.0", there, "http://chat.example.org:8080"],
      ["::", there, "http://chat.example.org:8080"],
      ["0:0:0:0:0:0:0:0", there, "http://chat.example.org:8080"],
      ["::", "2001:db8::1", "http://[2001:db8::1]:8080"],
      ["192.0.2.7", there, "http://192.0.2.7:8080"],
    ];
    for (const [address, host, expected] of table) {
      it(`${expected} for ${address} ${host === undefined ? "here" : `on ${host}`}`, () => {
        configure({
          release: "v1",
          listen: JSON.stringify({ address }),
          ...(host === undefined ? {} : { server: JSON.stringify({ host }) }),
        });
        expect(readSettings().addressWhere(undefined)).to.equal(expected);
      });
    }

    it("the public one where there is one", () => {
      configure({ release: "v1", listen: '{"address":"::"}', url: "https://chat.example.org" });
      const { addressWhere } = readSettings();
      expect(addressWhere(undefined)).to.equal("https://chat.example.org");
      expect(addressWhere({ address: "::", port: 8080 })).to.equal("https://chat.example.org");
    });

    it("the server's loopback while the chat has no owner, whatever the settings name", () => {
      configure({
        release: "v1",
        listen: '{"address":"::"}',
        url: "https://chat.example.org",
        server: '{"host":"chat.example.org"}',
      });
      expect(readSettings().addressWhere({ address: "127.0.0.1", port: 8080 })).to.equal(
        "http://127.0.0.1:8080 on chat.example.org",
      );
    });
  });

  it("takes an empty text for a key that isn't set", () => {
    configure({ release: "v1", url: "", retry: "", server: "{}", secretEnv: "{}" });
    expect(readSettings()).not.to.have.any.keys("url", "retry");
    configure({ release: "", url: "" });
    expect(() => readSettings()).to.throw(pulumi.RunError, "release: is missing");
  });

  it("names everything that is wrong, and no secret", () => {
    configure({ "server.host": "h", server: "{broken", secretEnv: "topsecret", profiles: "turn" }, [
      "secretEnv",
    ]);
    expect(() => readSettings())
      .to.throw(pulumi.RunError)
      .with.property("message")
      .that.includes("release: is missing")
      .and.includes("server.host: this was set without --path")
      .and.includes("server: expected settings of its own")
      .and.does.not.include("topsecret");
  });

  it("refuses secrets that stand in plain text", () => {
    configure({ release: "v1", secretEnv: '{"GIPHY_API_KEY":"topsecret"}' });
    expect(() => readSettings()).to.throw(pulumi.RunError, "plain text");
  });

  it("passes over the configuration of other projects", () => {
    configure({ release: "v1" });
    const all = pulumi.runtime.allConfig();
    pulumi.runtime.setAllConfig({ ...all, "docker:host": "ssh://x", "pulumi:tags": "{}" });
    expect(readSettings().release).to.equal("v1");
  });
});
