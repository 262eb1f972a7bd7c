import { mkdir, readdir, readFile, readlink, utimes, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { keptCommits, settle, sweep, sweptCommits } from "../../updater/steps/clean.ts";
import type { LedgerRecord } from "../../updater/protocol.ts";
import { container } from "./fake-driver.ts";
import { ledgerRecord, makeContext, NEW_COMMIT, release, servingRecord } from "./samples.ts";
import { useTemporaryDirectory } from "./temporary.ts";

const commitOf = (letter: string): string => letter.repeat(40);

/** Served in this order, written as letters; a capital letter was reverted. */
function history(letters: string): { records: LedgerRecord[] } {
  return {
    records: [...letters].map((letter) =>
      ledgerRecord({
        release: release(commitOf(letter.toLowerCase())),
        outcome: letter === letter.toLowerCase() ? "done" : "reverted",
      }),
    ),
  };
}

const letters = (commits: Iterable<string>): string =>
  [...commits].map((commit) => commit.slice(0, 1)).join("");

describe("retention", () => {
  const kept: [string, number, string][] = [
    ["", 3, ""],
    ["a", 3, "a"],
    ["abcd", 3, "dcb"],
    ["abcd", 1, "d"],
    ["aaabbb", 2, "ba"],
    ["abcA", 2, "cb"],
    ["abab", 2, "ba"],
    ["ABC", 2, ""],
  ];
  for (const [served, number, expected] of kept)
    it(`keeps "${expected}" of "${served}" when ${number} are to be kept`, () => {
      expect(letters(keptCommits(history(served), number))).to.equal(expected);
    });

  it("doesn't count what was only prepared or removed", () => {
    const { records } = history("ab");
    records.push(
      ledgerRecord({ kind: "prepare", release: release(commitOf("c")) }),
      ledgerRecord({ kind: "remove" }),
    );
    expect(letters(keptCommits({ records }, 2))).to.equal("ba");
  });

  it("removes commits that this server was asked to serve and that are not kept", () => {
    const ledger = history("abCad");
    expect(letters(sweptCommits(ledger, keptCommits(ledger, 2)))).to.equal("bc");
  });

  it("removes nothing that it was not asked to serve", () => {
    const records = [
      ledgerRecord({ kind: "prepare", release: release(commitOf("a")) }),
      ledgerRecord({ kind: "remove" }),
    ];
    expect(sweptCommits({ records }, new Set())).to.deep.equal([]);
  });
});

describe("settle", () => {
  const temporary = useTemporaryDirectory();

  it("lets the committed server come back at boot and shows it in the directory", async () => {
    const context = await makeContext(temporary());
    context.driver.current = container(NEW_COMMIT);
    const serving = servingRecord(NEW_COMMIT);
    const folder = temporary(serving.releaseDirectory);
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}/compose.yaml`, "name: chat\n");
    await writeFile(`${folder}/.env`, "A=1\n");
    await settle(context, serving);
    expect(context.driver.calls).to.include("setRestartPolicy unless-stopped");
    expect(await readlink(temporary("current"))).to.equal(serving.releaseDirectory);
    expect(await readFile(temporary("compose.yaml"), "utf8")).to.equal("name: chat\n");
    expect(await readFile(temporary(".env"), "utf8")).to.equal("A=1\n");
  });

  it("starts a committed server that is away also where a service beside it can't be started", async () => {
    const context = await makeContext(temporary());
    const { driver, job, progress } = context;
    driver.current = container(NEW_COMMIT, { running: false, status: "exited" });
    driver.sideFault = "coturn does not run: its port is in use";
    await settle(context, servingRecord(NEW_COMMIT));
    expect(driver.calls).to.include("setRestartPolicy unless-stopped");
    await progress.flushed();
    expect(await readFile(job.paths.progress, "utf8")).to.match(/J11.*coturn does not run/);
  });

  it("may be repeated, and moves the links from an older release", async () => {
    const context = await makeContext(temporary());
    context.driver.current = container(NEW_COMMIT);
    await settle(context, servingRecord(commitOf("a")));
    for (let round = 0; round < 2; round += 1) await settle(context, servingRecord(NEW_COMMIT));
    expect(await readlink(temporary("current"))).to.equal("releases/bbbbbbbbbbbb-1");
    expect(await readlink(temporary("compose.yaml"))).to.equal("current/compose.yaml");
    expect(await readlink(temporary(".env"))).to.equal("current/.env");
  });
});

describe("the sweep", () => {
  const temporary = useTemporaryDirectory();

  it("leaves what was sent a moment ago, and takes what nobody came for", async () => {
    const context = await makeContext(temporary());
    const { incoming, releases } = context.paths;
    for (const folder of [incoming, releases]) await mkdir(folder, { recursive: true });
    for (const name of ["new.tar", "old.tar"]) await writeFile(`${incoming}/${name}`, "");
    const before = Date.now() / 1_000 - 25 * 3_600;
    await utimes(`${incoming}/old.tar`, before, before);
    await sweep(context);
    expect(await readdir(incoming)).to.deep.equal(["new.tar"]);
  });

  it("leaves the folder of an earlier job of which a container still has its keys", async () => {
    const context = await makeContext(temporary());
    const { incoming, releases } = context.paths;
    const names = ["aaaaaaaaaaaa-1", "aaaaaaaaaaaa-11", "aaaaaaaaaaaa-2"];
    for (const name of names) await mkdir(`${releases}/${name}/secrets`, { recursive: true });
    await mkdir(incoming, { recursive: true });
    context.driver.used = [`${releases}/aaaaaaaaaaaa-11/secrets/jwt_private.pem`, "/etc/localtime"];
    await sweep(context);
    expect(await readdir(releases)).to.deep.equal(["aaaaaaaaaaaa-11"]);
  });
});
