import { expect } from "chai";
import { changes } from "../../toolchain/stand-ins/compare.ts";
import {
  dockerArgv,
  dockerConfiguration,
  shellQuoted,
} from "../../toolchain/stand-ins/docker-host.ts";
import { dockerVolume } from "../../toolchain/stand-ins/docker-volume.ts";
import { inputNotCovered, typeNotCovered } from "../../toolchain/stand-ins/messages.ts";
import { UNKNOWN } from "../../provider/engine/markers.ts";
import { decode, encode } from "../../toolchain/stand-ins/values.ts";

const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

describe("properties from the engine", () => {
  it("lose their envelopes, and it is known which were secret", () => {
    const { values, secrets } = decode({ plain: 1, deep: { list: ["a", secret("b")] } });
    expect(values).to.deep.equal({ plain: 1, deep: { list: ["a", "b"] } });
    expect([...secrets]).to.deep.equal(["deep"]);
  });

  it("get them again, and lose what is not set", () => {
    const encoded = encode({ plain: 1, hidden: "b", unset: undefined }, ["hidden"]);
    expect(encoded).to.deep.equal({ plain: 1, hidden: secret("b") });
  });
});

describe("a volume's changes", () => {
  const state = {
    name: "data",
    driver: "local",
    driverOpts: null,
    labels: [
      { label: "a", value: "1" },
      { label: "b", value: "2" },
    ],
  };

  it("are none for the same labels in another order", () => {
    const labels = [...state.labels].reverse();
    expect(changes(dockerVolume, state, { name: "data", labels })).to.deep.equal([]);
  });

  it("replace it when a label differs", () => {
    const found = changes(dockerVolume, state, { name: "data", labels: state.labels.slice(1) });
    expect(found).to.deep.equal([{ property: "labels", kind: "update", replaces: true }]);
  });

  it("are possible where a value is not known yet", () => {
    const { labels } = state;
    const found = changes(dockerVolume, state, { name: UNKNOWN, labels });
    expect(found.map(({ property }) => property)).to.deep.equal(["name"]);
  });
});

describe("docker at a host", () => {
  it("is run over ssh with the options that were given first", () => {
    const options = ["-i", "/keys/id with space", "-o", "ConnectTimeout=5"];
    const argv = dockerArgv({ host: "ssh://root@chat.example.org:2222", sshOpts: options }, [
      "volume",
      "create",
      "it's",
    ]);
    expect(argv.slice(0, 5)).to.deep.equal(["ssh", ...options]);
    expect(argv).to.include.members(["BatchMode=yes", "ConnectTimeout=30", "2222"]);
    expect(argv.slice(-3)).to.deep.equal([
      "--",
      "chat.example.org",
      `docker volume create 'it'\\''s'`,
    ]);
  });

  it("is run here without a host", () => {
    expect(dockerArgv({ sshOpts: [] }, ["info"])).to.deep.equal(["docker", "info"]);
  });

  it("is refused for a host that is neither ssh nor a socket", () => {
    const [failure] = dockerConfiguration.check({ host: "tcp://10.0.0.1:2375" });
    expect(failure?.property).to.equal("host");
    expect(failure?.reason).to.contain("and is tcp://10.0.0.1:2375");
  });

  it("takes its options as the SDK sends them, as a JSON text", () => {
    expect(dockerConfiguration.check({ sshOpts: '["-4"]' })).to.deep.equal([]);
    expect(dockerConfiguration.check({ sshOpts: "-4" })).to.have.lengthOf(1);
  });

  it("gets words that a shell would take apart as one", () => {
    expect(shellQuoted("plain-1.2:3")).to.equal("plain-1.2:3");
    expect(shellQuoted("$(id) *")).to.equal("'$(id) *'");
    expect(shellQuoted("")).to.equal("''");
  });
});

describe("what a stand-in does not cover", () => {
  it("is named, with the stand-in and what to do", () => {
    expect(typeNotCovered("random", "random:index/randomPet:RandomPet")).to.equal(
      "Cannot work on random:index/randomPet:RandomPet: this machine has a stand-in for Pulumi's " +
        "random plugin, and it does not cover this type. " +
        "Use a machine that can download Pulumi's plugins.",
    );
    expect(inputNotCovered("docker", "cluster")).to.contain('"cluster" is not covered');
  });
});
