import { expect } from "chai";
import { Command } from "commander";
import { CALLER_FOLDER, resolvePathsOfCaller } from "../../cli/caller-folder.ts";

/** What a command is given that is called from a folder. */
async function given(folder: string | undefined, ...argv: string[]): Promise<unknown[]> {
  const program = new Command();
  resolvePathsOfCaller(program);
  let seen: unknown[] = [];
  program
    .command("backup")
    .command("open")
    .argument("<folder>")
    .argument("[name]")
    .option("-o, --output <file>", "", "page.html")
    .option("--key <path>")
    .option("--directory <path>")
    .option("--to <update>")
    .action((...values: unknown[]) => void (seen = [...values.slice(0, 3)]));
  if (folder !== undefined) process.env[CALLER_FOLDER] = folder;
  await program.parseAsync(["backup", "open", ...argv], { from: "user" });
  return seen;
}

describe("the paths on the command line", () => {
  afterEach(() => Reflect.deleteProperty(process.env, CALLER_FOLDER));

  it("are those of the folder that the launcher was called from, defaults as well", async () => {
    expect(await given("/home/me", "./copy", "name", "--key", "../key")).to.deep.equal([
      ...["/home/me/copy", "name"],
      { output: "/home/me/page.html", key: "/home/key" },
    ]);
  });

  it("stay as they are where they say from where, and so does all that is none", async () => {
    const argv = ["/copy", "--key", "~/key", "--directory", "srv", "--to", "v1", "-o", "/page"];
    expect(await given("/home/me", ...argv)).to.deep.equal([
      ...["/copy", undefined],
      { key: "~/key", directory: "srv", to: "v1", output: "/page" },
    ]);
  });

  it("stay as they are without the launcher", async () => {
    expect(await given(undefined, "copy")).to.deep.equal([
      ...["copy", undefined],
      { output: "page.html" },
    ]);
  });

  it("are those of this call alone: what the command starts is not told of it", async () => {
    await given("/home/me", "copy");
    expect(process.env).not.to.have.property(CALLER_FOLDER);
  });
});
