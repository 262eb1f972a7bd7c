import { execa } from "execa";
import { expect } from "chai";
import { mkdir, writeFile } from "node:fs/promises";
import { checkedOutCommit } from "../../../updater/adopt/checked-out.ts";
import { useTemporaryDirectory } from "../temporary.ts";

describe("the commit that a folder has checked out", () => {
  const temporary = useTemporaryDirectory();

  const git = async (...args: string[]): Promise<string> => {
    const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    const { stdout } = await execa("git", [...identity, ...args], { cwd: temporary() });
    return stdout;
  };

  it("is what git says, on a branch, packed, and detached", async () => {
    await git("init", "--quiet", "--initial-branch=main");
    await git("commit", "--quiet", "--allow-empty", "--message=first");
    const first = await git("rev-parse", "HEAD");
    expect(await checkedOutCommit(temporary())).to.equal(first);
    await git("pack-refs", "--all");
    expect(await checkedOutCommit(temporary())).to.equal(first);
    await git("commit", "--quiet", "--allow-empty", "--message=second");
    await git("checkout", "--quiet", "--detach", first);
    expect(await checkedOutCommit(temporary())).to.equal(first);
  });

  it("is unknown where there is no git, and never read from elsewhere", async () => {
    expect(await checkedOutCommit(temporary())).to.equal(undefined);
    await mkdir(temporary(".git"));
    for (const head of ["", "ref: refs/../../etc/passwd", "ref: /etc/passwd", "deadbeef"]) {
      await writeFile(temporary(".git", "HEAD"), head);
      expect(await checkedOutCommit(temporary()), head).to.equal(undefined);
    }
  });
});
