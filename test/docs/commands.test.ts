import { readdir, readFile } from "node:fs/promises";
import { expect } from "chai";

const ROOT = new URL("../../", import.meta.url);

describe("the commands in the pages", () => {
  it("have no secret in their arguments: pulumi asks for it", async () => {
    const pages = (await readdir(new URL("docs/", ROOT))).filter((name) => name.endsWith(".md"));
    const files = ["README.md", "Pulumi.prod.yaml", ...pages.map((name) => `docs/${name}`)];
    const texts = await Promise.all(files.map((file) => readFile(new URL(file, ROOT), "utf8")));
    const commands = texts.flatMap(
      (text) => text.match(/config set [^`\n]*--secret [^`\n]*/g) ?? [],
    );
    expect(commands).not.to.have.length(0);
    for (const command of commands)
      expect(command).to.match(/--secret (?:secretEnv|alerts)\.[A-Za-z_]+(?: +#.*)?$/);
  });
});
