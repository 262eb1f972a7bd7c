import { expect } from "chai";
import { fileListSchema } from "../../../updater/backup-files/file-list.ts";

describe("the list of a backup's files", () => {
  const owned = { uid: 0, gid: 0, mode: 0o600 };
  const file = (path: string) => ({
    ...{ path, ...owned, size: 1, modified: 0, sha256: "0".repeat(64) },
  });
  const folder = (path: string) => ({ path, ...owned });
  const isTaken = (paths: string[], folders = ["uploads", "uploads/ab"]): boolean =>
    fileListSchema.safeParse({
      ...{ format: 1, folders: folders.map(folder), files: paths.map(file) },
    }).success;

  it("takes files in its two trees", () => {
    expect(isTaken(["uploads/one", "uploads/ab/two", "uploads/ab/with space & $(x)"])).to.equal(
      true,
    );
  });

  for (const path of [
    "/etc/passwd",
    "../secrets.json",
    "uploads/../../.deploy/secrets.json",
    "uploads/./one",
    "uploads//one",
    "uploads/ab/..",
    "uploads/one\0",
    "database.dump",
    "manifest.json",
    "",
    "elsewhere/one",
    "uploads/not-listed/one",
  ])
    it(`refuses ${JSON.stringify(path)}`, () => {
      expect(isTaken([path])).to.equal(false);
    });

  it("refuses a path that is listed twice, as a file or as a folder as well", () => {
    expect(isTaken(["uploads/one", "uploads/one"])).to.equal(false);
    expect(isTaken(["uploads/ab"])).to.equal(false);
  });

  it("refuses a mode that would let a program run as its owner", () => {
    const files = [{ ...file("uploads/one"), mode: 0o4755 }];
    const folders = [folder("uploads")];
    expect(fileListSchema.safeParse({ format: 1, folders, files }).success).to.equal(false);
  });
});
