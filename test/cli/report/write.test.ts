import { mkdir, readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { writeReport } from "../../../cli/report/command.ts";
import { reportPage } from "../../../cli/report/page.ts";
import { errorOf, useTemporaryDirectory } from "../../updater/temporary.ts";
import { report } from "./samples.ts";

describe("writeReport", () => {
  const temporary = useTemporaryDirectory();
  const page = reportPage(report());

  it("writes over an earlier report, and over nothing else", async () => {
    const file = temporary("update.html");
    expect(await writeReport(file, page)).to.equal(file);
    await writeReport(file, page.replace("</main>", "<p>newer</p></main>"));
    expect(await readFile(file, "utf8")).to.contain("newer");
    await writeFile(file, "<html>my own</html>");
    expect((await errorOf(() => writeReport(file, page))).message).to.match(/none of ours/);
    expect(await readFile(file, "utf8")).to.equal("<html>my own</html>");
  });

  it("says where it can't be written", async () => {
    await mkdir(temporary("folder"));
    const { message } = await errorOf(() => writeReport(temporary("folder"), page));
    expect(message).to.match(/^The report can't be written to .*folder.*--output\.$/);
  });
});
