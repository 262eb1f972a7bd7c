import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { parse } from "yaml";
import { parseSettings } from "../../settings/parse.ts";
import { settingsSchema } from "../../settings/schema.ts";

interface Declaration {
  description?: string;
  default?: unknown;
  type?: string;
}

describe("Pulumi.yaml", () => {
  let declared: Record<string, Declaration>;

  before(async () => {
    const text = await readFile(new URL("../../Pulumi.yaml", import.meta.url), "utf8");
    ({ config: declared } = parse(text) as { config: Record<string, Declaration> });
  });

  it("describes every key, and no other", () => {
    expect(Object.keys(declared).sort()).to.deep.equal(
      [...Object.keys(settingsSchema.shape), "env", "secretEnv"].sort(),
    );
    for (const [key, { description }] of Object.entries(declared))
      expect(description, key).to.be.a("string").with.length.above(20);
  });

  it("has a default for every key, without which the engine would ask for it", () => {
    for (const [key, declaration] of Object.entries(declared)) {
      expect(declaration, key).to.have.property("default").that.is.not.equal(null);
      expect(declaration, key).not.to.have.property("type");
    }
  });

  it("has the defaults that the program has", () => {
    const defaults = Object.entries(declared).flatMap(([key, declaration]) =>
      declaration.default === "" ? [] : [[key, declaration.default]],
    );
    const settings = { ...(Object.fromEntries(defaults) as object), release: "v1" };
    expect(parseSettings(settings)).to.deep.equal(parseSettings({ release: "v1" }));
  });
});
