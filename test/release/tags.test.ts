import { join } from "node:path";
import { expect } from "chai";
import { forgetUpdates, openMirror } from "../../release/mirror.ts";
import { listTags } from "../../release/tags.ts";
import { SampleRepository } from "./sample-repository.ts";

describe("the list of tags", () => {
  let sample: SampleRepository;

  before(async () => {
    sample = await SampleRepository.create();
    await sample.git("commit", "--quiet", "--allow-empty", "--message", "First");
    for (const tag of ["v1.9.0", "v1.10.0", "v2.0.0-rc.1", "nightly"]) await sample.git("tag", tag);
  });
  after(async () => {
    forgetUpdates();
    await sample.remove();
  });

  it("begins with the newest version by its numbers; what is no version comes last", async () => {
    const mirror = await openMirror(sample.path, { cacheDirectory: join(sample.folder, "cache") });
    const tags = await listTags(mirror);
    expect(tags.map(({ tag }) => tag)).to.deep.equal([
      ...["v2.0.0-rc.1", "v1.10.0", "v1.9.0", "nightly"],
    ]);
    expect(tags.filter(({ isPreview }) => isPreview).map(({ tag }) => tag)).to.deep.equal([
      ...["v2.0.0-rc.1", "nightly"],
    ]);
    expect(tags[0]?.date).to.equal("2026-03-01");
  });
});
