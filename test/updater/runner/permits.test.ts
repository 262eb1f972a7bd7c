import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import {
  NotPermittedError,
  permitFor,
  requireAllowance,
  requireSubject,
} from "../../../updater/runner/permits.ts";
import type { Permit } from "../../../updater/runner/protocol.ts";

const PERMIT: Permit = { directory: "/srv/chat", project: "chat", users: ["deploy"], allow: [] };

describe("permitFor", () => {
  let folder: string;

  beforeEach(async function () {
    // Only what is root's counts.
    if (process.getuid?.() !== 0) this.skip();
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-permits-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const write = (name: string, text: string): Promise<void> =>
    writeFile(join(folder, name), text, { mode: 0o644 });
  const failureOf = (): Promise<unknown> =>
    permitFor("/srv/chat", folder).catch((error: unknown) => error);

  it("finds the one for a directory", async () => {
    await write("chat.json", JSON.stringify(PERMIT));
    await write("other.json", JSON.stringify({ ...PERMIT, directory: "/srv/o", project: "other" }));
    await write("chat.json.new", "{");
    expect(await permitFor("/srv/chat", folder)).to.deep.equal(PERMIT);
    expect(await permitFor("/srv", folder)).to.equal(undefined);
    expect(await permitFor("/srv/chat/", folder)).to.equal(undefined);
    expect(await permitFor("/srv/chat", join(folder, "none"))).to.equal(undefined);
  });

  for (const [what, text] of [
    ["that is no JSON", "{"],
    ["with an unknown member", JSON.stringify({ ...PERMIT, more: 1 })],
    ["without users", JSON.stringify({ ...PERMIT, users: [] })],
    ["with an unknown allowance", JSON.stringify({ ...PERMIT, allow: ["everything"] })],
    ["of another project than its name", JSON.stringify({ ...PERMIT, project: "other" })],
    ["with a directory that leads out", JSON.stringify({ ...PERMIT, directory: "/srv/../etc" })],
  ] as const)
    it(`allows nothing by a file ${what}`, async () => {
      await write("chat.json", text);
      expect(await failureOf()).to.be.instanceOf(NotPermittedError);
    });

  it("allows nothing where others can write, and follows no link", async () => {
    await write("chat.json", JSON.stringify(PERMIT));
    await chmod(join(folder, "chat.json"), 0o666);
    expect(await failureOf()).to.be.instanceOf(NotPermittedError);
    await chmod(join(folder, "chat.json"), 0o644);
    await chmod(folder, 0o777);
    expect(await failureOf()).to.be.instanceOf(NotPermittedError);
    await chmod(folder, 0o755);
    await mkdir(join(folder, "x"));
    await write("x/real", JSON.stringify({ ...PERMIT, project: "linked" }));
    await symlink("x/real", join(folder, "linked.json"));
    expect(await failureOf()).to.be.instanceOf(NotPermittedError);
  });
});

describe("requireSubject", () => {
  const { directory } = PERMIT;

  it("lets pass what is the instance's own", () => {
    const volumes = ["chat_postgres_data", "chat_file_storage"];
    requireSubject(PERMIT, { directory, project: "chat", volumes });
    requireSubject(PERMIT, { directory });
  });

  for (const subject of [
    { directory: "/srv/other" },
    { directory: "/srv/chat/.deploy" },
    { directory, project: "other" },
    { directory, volumes: ["chat_postgres_data", "other_postgres_data"] },
    { directory, volumes: ["chat"] },
  ])
    it(`refuses ${JSON.stringify(subject)}`, () => {
      expect(() => requireSubject(PERMIT, subject)).to.throw(NotPermittedError, "nothing else");
    });
});

describe("requireAllowance", () => {
  it("names the file and the word that would allow it", () => {
    expect(() => requireAllowance(PERMIT, "fetch-backups", "That")).to.throw(
      NotPermittedError,
      /add "fetch-backups" to "allow" in \/etc\/chatalot-deploy\/instances\/chat\.json/,
    );
    requireAllowance({ ...PERMIT, allow: ["fetch-backups"] }, "fetch-backups", "That");
  });
});
