import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { UserError } from "../../common/errors.ts";
import { requireKnownPlatform } from "../../toolchain/engine-build.ts";
import { refuseEngine } from "../../toolchain/engine.ts";
import { engineVersion, pluginVersions } from "../../toolchain/versions.ts";

describe("an engine on the PATH", () => {
  it("is used when it is new enough and has a language host", () => {
    expect(refuseEngine("3.230.0", true)).to.equal(undefined);
    expect(refuseEngine(engineVersion, true)).to.equal(undefined);
  });

  it("is refused with its version when it is too old", () => {
    expect(refuseEngine("3.99.1", true)).to.equal("it is 3.99.1, and 3.230.0 is needed");
  });

  it("is refused when it is of another major version", () => {
    expect(refuseEngine("4.0.0", true)).to.contain("only version 3");
  });

  it("is refused without a language host", () => {
    expect(refuseEngine("3.250.0", false)).to.contain("no pulumi-language-nodejs");
  });

  it("is refused when it does not tell its version", () => {
    expect(refuseEngine(undefined, true)).to.contain("does not tell its version");
  });
});

describe("the engine's build", () => {
  it("is refused on a system that it is not made for, with what to install", () => {
    expect(() => requireKnownPlatform("darwin", "arm64")).to.throw(
      UserError,
      /this is darwin on arm64.*Install Pulumi 3\.230\.0 or newer/,
    );
  });

  it("is made for Linux on both architectures", () => {
    requireKnownPlatform("linux", "x64");
    requireKnownPlatform("linux", "arm64");
  });

  it("has modules of the versions that it is said to have", async () => {
    const module = await readFile("toolchain/go/cli/go.mod", "utf8");
    expect(module).to.contain(`github.com/pulumi/pulumi/pkg/v3 v${engineVersion}`);
  });
});

describe("the plugins' versions", () => {
  it("are those of the program's packages", async () => {
    for (const [name, version] of Object.entries(pluginVersions)) {
      const file = await readFile(`node_modules/@pulumi/${name}/package.json`, "utf8");
      expect(JSON.parse(file)).to.have.nested.property("pulumi.version", version);
    }
  });
});
