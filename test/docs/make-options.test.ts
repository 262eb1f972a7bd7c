import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { documentedKeys, optionsPage } from "../../docs/make-options.ts";
import { settingsSchema } from "../../settings/schema.ts";
import { SECTIONS } from "../../settings/sections.ts";

describe("the reference of the options", () => {
  it("is what the schema's doc comments say (npm run docs:options)", async () => {
    const page = await readFile(new URL("../../docs/options.md", import.meta.url), "utf8");
    expect(page).to.equal(await optionsPage(page, await documentedKeys()));
  });

  it("has every key that can be set, and no other", async () => {
    const keys = Object.keys(settingsSchema.shape).flatMap((key) => {
      const members = SECTIONS[key] ?? [];
      return members.length === 0 ? [key] : members.map((member) => `${key}.${member}`);
    });
    expect((await documentedKeys()).map(({ key }) => key)).to.have.members([
      ...keys,
      ...["env.<NAME>", "secretEnv.<NAME>"],
    ]);
  });

  it("names default and example", async () => {
    const keys = await documentedKeys();
    expect(keys.find(({ key }) => key === "retry")?.example).to.equal("pulumi config set retry 12");
    expect(keys.find(({ key }) => key === "listen.port")?.default).to.equal("8080");
  });
});
