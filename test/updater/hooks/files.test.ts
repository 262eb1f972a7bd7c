import { chmod, chown, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { obstacleOf, readHookFiles } from "../../../updater/hooks/files.ts";
import { instancePaths } from "../../../updater/paths.ts";
import { useTemporaryDirectory } from "../temporary.ts";

describe("readHookFiles", () => {
  const temporary = useTemporaryDirectory();
  const paths = () => instancePaths(temporary());
  const hook = (name: string) => join(paths().hooks, name);

  async function place(name: string, mode = 0o700): Promise<string> {
    await writeFile(hook(name), "#!/bin/sh\n");
    await chmod(hook(name), mode);
    return hook(name);
  }

  it("finds nothing where there is no folder, and none in an empty one", async () => {
    expect(await readHookFiles(paths())).to.equal(undefined);
    expect(await obstacleOf(paths(), "before-update")).to.equal("missing");
    await mkdir(paths().hooks);
    expect(await readHookFiles(paths())).to.deep.equal({ names: [], problems: [], ignored: [] });
  });

  it("names those that are there in the order in which they run", async () => {
    await mkdir(paths().hooks);
    for (const name of ["on-failure", "after-update", "before-update"]) await place(name, 0o755);
    expect(await readHookFiles(paths())).to.deep.equal({
      names: ["before-update", "after-update", "on-failure"],
      problems: [],
      ignored: [],
    });
    expect(await obstacleOf(paths(), "after-update")).to.equal(undefined);
  });

  it("tells programs whose names no hook has, and not what they need beside them", async () => {
    await mkdir(paths().hooks);
    await place("before_update");
    await place("settings.sh", 0o600);
    expect((await readHookFiles(paths()))?.ignored).to.deep.equal(["before_update"]);
  });

  const hostile: [string, () => Promise<void>, RegExp][] = [
    [
      "everybody may write to",
      async () => void (await place("before-update", 0o702)),
      /before-update can be written to by others/,
    ],
    [
      "its group may write to",
      async () => void (await place("before-update", 0o770)),
      /before-update can be written to by others/,
    ],
    [
      "is a link",
      async () => {
        await rename(await place("real"), temporary("real"));
        await symlink(temporary("real"), hook("before-update"));
      },
      /before-update is a link/,
    ],
    [
      "leads nowhere",
      async () => void (await symlink(temporary("gone"), hook("before-update"))),
      /before-update is a link/,
    ],
    [
      "is a folder",
      async () => void (await mkdir(hook("before-update"))),
      /before-update is no file/,
    ],
    [
      "can't be executed",
      async () => void (await place("before-update", 0o600)),
      /before-update is not executable/,
    ],
    [
      "lies in a folder that others may write to",
      async () => {
        await place("before-update");
        await chmod(paths().hooks, 0o1777);
      },
      /hooks can be written to by others/,
    ],
    [
      "lies behind a link",
      async () => {
        await place("before-update");
        await rename(paths().hooks, temporary("elsewhere"));
        await symlink(temporary("elsewhere"), paths().hooks);
      },
      /hooks is a link/,
    ],
  ];
  for (const [what, make, problem] of hostile)
    it(`refuses a hook that ${what}`, async () => {
      await mkdir(paths().hooks);
      await make();
      const found = await readHookFiles(paths());
      expect(found?.problems).to.have.length(1);
      expect(found?.problems[0])
        .to.match(problem)
        .and.to.match(/Mend it \(.+\), or move it away$/);
      expect(await obstacleOf(paths(), "before-update")).to.equal(found?.problems[0]);
    });

  it("refuses a hook, and a folder, of somebody else's", async function () {
    if (process.geteuid?.() !== 0) this.skip();
    await mkdir(paths().hooks);
    await chown(await place("on-failure"), 1_000, 1_000);
    expect((await readHookFiles(paths()))?.problems[0]).to.contain(
      "on-failure belongs to user 1000",
    );
    await chown(paths().hooks, 1_000, 1_000);
    expect((await readHookFiles(paths()))?.problems[0]).to.contain("hooks belongs to user 1000");
    expect(await obstacleOf(paths(), "on-failure")).to.contain("hooks belongs to user 1000");
  });
});
