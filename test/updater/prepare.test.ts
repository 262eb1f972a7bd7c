import { mkdir, readdir, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { archivePath } from "../../updater/archive-path.ts";
import { sha256OfFile } from "../../updater/files.ts";
import { PREPARE_STEPS } from "../../updater/steps/prepare.ts";
import { makeContext, switchPlan } from "./samples.ts";
import { errorOf, useTemporaryDirectory } from "./temporary.ts";

describe("the steps that get a release ready", () => {
  const temporary = useTemporaryDirectory();

  it("J2 leaves nothing half unpacked when it fails", async () => {
    const { target: _, ...plan } = switchPlan();
    const archive = { sha256: "", size: 4 };
    const context = await makeContext(temporary("chat"), { ...plan, kind: "prepare", archive });
    const { paths } = context;
    for (const folder of [paths.trees, paths.incoming]) await mkdir(folder, { recursive: true });
    await writeFile(temporary("sent"), "this is no archive");
    archive.sha256 = await sha256OfFile(temporary("sent"));
    await writeFile(archivePath(paths.incoming, archive.sha256), "this is no archive");
    const step = PREPARE_STEPS.find(({ id }) => id === "J2");
    const { message } = await errorOf(async () => step?.run(context));
    expect(message).to.contain("unpack the release's tree");
    expect(await readdir(paths.trees)).to.deep.equal([]);
  });

  it("J2 says what to do where the archive is gone", async () => {
    const { target: _, ...plan } = switchPlan();
    const archive = { sha256: "0".repeat(64), size: 4 };
    const context = await makeContext(temporary("chat"), { ...plan, kind: "prepare", archive });
    const step = PREPARE_STEPS.find(({ id }) => id === "J2");
    const { message } = await errorOf(async () => step?.run(context));
    expect(message).to.match(/^the archive of b+ is not on the server: .* pulumi up$/);
  });
});
