import { expect } from "chai";
import { describeAddress, serverAddressSchema } from "../../transport/address.ts";
import { fingerprint, hostKeyAlgorithms, parseHostKey } from "../../transport/host-key.ts";
import { HOSTILE_VALUES } from "../support/hostile-values.ts";

const ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/** The problems of an address, each as `field: text`. */
function problemsOf(value: unknown): string[] {
  const { error } = serverAddressSchema.safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("server address", () => {
  it("takes host names, addresses and names from ssh_config", () => {
    const hosts = ["chat.example.org", "chat", "my_server", "203.0.113.7", "2001:db8::1", "::1"];
    for (const host of hosts) expect(serverAddressSchema.parse({ host }).host).to.equal(host);
  });

  it("logs in as root, at the port that ssh_config has, unless told otherwise", () => {
    expect(serverAddressSchema.parse({ host: "a" })).to.deep.equal({ host: "a", user: "root" });
  });

  it("takes a port that YAML made a text of", () => {
    expect(serverAddressSchema.parse({ host: "a", port: "2222" }).port).to.equal(2222);
    for (const port of [0, 65_536, 1.5, "22x", "", "-1", null, true]) {
      expect(problemsOf({ host: "a", port }), String(port)).to.deep.equal([
        "port: expected a port from 1 to 65535, for example 22",
      ]);
    }
  });

  for (const field of ["host", "user", "jumpHost"]) {
    it(`refuses every hostile value as "${field}", with an example`, () => {
      for (const value of HOSTILE_VALUES) {
        const problems = problemsOf({ host: "chat.example.org", [field]: value });
        // Words, which are dangerous to JavaScript alone.
        if (/^\w{1,20}$/.test(value)) {
          expect(problems, value).to.deep.equal([]);
          continue;
        }
        expect(problems, value.slice(0, 30)).to.have.length(1);
        expect(problems[0]).to.match(new RegExp(`^${field}: expected .*for example "`));
      }
    });
  }

  for (const field of ["identityFile", "knownHostsFile"]) {
    it(`refuses values as "${field}" that mean something to ssh_config`, () => {
      const harmless = /^[^\0-\x1f\x7f"'\\$%`]*$/;
      for (const value of HOSTILE_VALUES) {
        if (harmless.test(value) && value.length < 1_000 && !/^[-\s]|\s$/.test(value)) continue;
        const problems = problemsOf({ host: "a", [field]: value });
        expect(problems, value.slice(0, 30)).to.have.length(1);
        expect(problems[0]).to.match(new RegExp(`^${field}: expected .*for example "`));
      }
    });
  }

  it("refuses hostile values as keys and unknown fields", () => {
    for (const hostKey of [...HOSTILE_VALUES, `${ED25519}\n@cert-authority`, "", []]) {
      expect(problemsOf({ host: "a", hostKey }), String(hostKey).slice(0, 30)).to.have.length(1);
    }
    expect(problemsOf({ host: "a", identityfile: "b" })).to.have.length(1);
  });

  it("names every wrong value at once", () => {
    expect(problemsOf({ host: "-a", user: "b c", port: 0, hostKey: "d" })).to.have.length(4);
  });

  it("takes a way through another server in the usual form", () => {
    const jumpHost = (value: string) => serverAddressSchema.parse({ host: "a", jumpHost: value });
    expect(jumpHost("b").jumpHost).to.deep.equal({ host: "b" });
    expect(jumpHost("u@b:2222").jumpHost).to.deep.equal({ user: "u", host: "b", port: 2222 });
    expect(jumpHost("u@[::1]:22").jumpHost).to.deep.equal({ user: "u", host: "::1", port: 22 });
    for (const value of ["b:0", "b:99999", "u@", "@b", "a,b", "[a]:22", "u@b:22:22", ""]) {
      expect(problemsOf({ host: "a", jumpHost: value }), value).to.have.length(1);
    }
  });

  it("can be checked again without a change", () => {
    const value = { host: "a", port: 1, hostKey: ED25519, jumpHost: "u@b:2" };
    const address = serverAddressSchema.parse(value);
    expect(serverAddressSchema.parse(address)).to.deep.equal(address);
  });

  it("refuses a known_hosts file beside a host key", () => {
    expect(problemsOf({ host: "a", hostKey: ED25519, knownHostsFile: "b" })).to.deep.equal([
      'knownHostsFile: set either "hostKey" or "knownHostsFile", not both',
    ]);
  });

  it("is described as ssh does it", () => {
    expect(describeAddress({ host: "a", user: "root", port: 22 })).to.equal("root@a:22");
    expect(describeAddress({ host: "::1", user: "root", port: 22 })).to.equal("root@[::1]:22");
    expect(describeAddress({ host: "a", user: "root" })).to.equal("root@a");
  });
});

describe("host key", () => {
  it("takes several keys, as lines or as a list, and drops their comments", () => {
    const ecdsa =
      "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7" +
      "opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";
    const expected = [ED25519, ecdsa];
    for (const hostKey of [`${ED25519} old\n\n${ecdsa} new\n`, [`${ED25519} root@a`, ecdsa]]) {
      expect(serverAddressSchema.parse({ host: "a", hostKey }).hostKey).to.deep.equal(expected);
    }
    expect(hostKeyAlgorithms(expected)).to.equal("ssh-ed25519,ecdsa-sha2-nistp256");
  });

  it("is not a key of another type, a cut one, or one with something in front", () => {
    const key = ED25519.split(" ")[1] ?? "";
    const wrong = [`ssh-rsa ${key}`, ED25519.slice(0, -1), `host ${ED25519}`, "ssh-ed25519", key];
    for (const line of wrong) expect(parseHostKey(line), line).to.equal(undefined);
  });

  it("has the fingerprint that ssh-keygen shows", () => {
    expect(fingerprint(ED25519)).to.equal("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
  });
});
