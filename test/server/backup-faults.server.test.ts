import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { type Prober, startProber } from "../support/prober.ts";
import { atNight } from "./support/at-night.ts";
import { chatUrl, DIRECTORY, servingChat } from "./support/fixture.ts";
import { tellGaps } from "./support/gaps.ts";
import { holdJobsAt, jobAt, killJob, letJobsRun, UNIT } from "./support/job-control.ts";
import {
  appliedMigrations,
  DATABASE,
  query,
  runningSince,
  SERVER,
  shell,
  webVersion,
} from "./support/looks.ts";
import type { Operator, Run } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

const BACKUPS = `${DIRECTORY}/backups`;

/** Found before PostgreSQL's own programs. */
const SHIM = "/usr/local/sbin/pg_dump";

describe("an update whose backup can't be made", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  let prober: Prober;
  let served: Record<string, string>;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0"));
    served = await runningSince(demo);
    prober = startProber({ baseUrl: chatUrl(demo) });
    await operator.configure({ release: "v1.1.0" });
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => demo && shell(demo, `if mountpoint -q ${BACKUPS}; then umount ${BACKUPS}; fi`),
      () => prober?.stop(),
      () => operator?.leave(),
    ),
  );
  tellGaps(() => prober);

  it("is refused with the commands that help when the sorting rules have changed", async () => {
    const version = "SELECT datcollversion FROM pg_database WHERE datname = 'chatalot'";
    const [actual = ""] = await query(demo, version);
    await query(demo, "UPDATE pg_database SET datcollversion = '1' WHERE datname = 'chatalot'");
    for (const run of [await operator.preview(), await operator.up("--skip-preview")]) {
      expect(run.exitCode, run.output).not.to.equal(0);
      expect(run.output)
        .to.contain("can't be backed up before v1.1.0")
        .and.to.contain("REINDEX DATABASE")
        .and.to.contain("REFRESH COLLATION VERSION");
    }
    await expectServesAsBefore();
    expect(await query(demo, version)).to.deep.equal(["1"]);
    // The second of the commands that it shows.
    await query(demo, "ALTER DATABASE chatalot REFRESH COLLATION VERSION");
    expect(await query(demo, version)).to.deep.equal([actual]);
  });

  atNight("is refused when pg_dump is missing", async () => {
    const rename = (from: string, to: string): Promise<string> =>
      shell(
        demo,
        `docker exec ${DATABASE} sh -euc '
           for folder in $(echo "$PATH" | tr : " "); do
             if test -e "$folder/$1"; then mv "$folder/$1" "$folder/$2"; echo "$folder"; fi
           done' rename "$1" "$2"`,
        ...[from, to],
      );
    expect(await rename("pg_dump", "pg_dump-away")).not.to.equal("");
    const run = await operator.up("--skip-preview");
    await rename("pg_dump-away", "pg_dump");
    await expectUntouched(run, "pg_dump");
  });

  for (const [test, what, script, cause] of [
    [
      atNight,
      "fails half-way",
      "head -c 20000 /dev/zero; echo 'disk on fire' >&2; exit 1",
      "disk on fire",
    ],
    [
      it,
      "ends well with a warning",
      "pg_real \"$@\"; echo 'pg_dump: warning: left out' >&2",
      "left out",
    ],
    [atNight, "ends well and writes nothing", "exit 0", "pg_dump wrote nothing"],
  ] as const)
    test(`is refused when pg_dump ${what}`, async () => {
      await replaceDumpProgram(script);
      const run = await operator.up("--skip-preview");
      await shell(demo, `docker exec ${DATABASE} rm ${SHIM}`);
      await expectUntouched(run, cause);
    });

  for (const [test, what, damage] of [
    [it, "has one byte flipped", 'printf X | dd of="$1" bs=1 seek=4000 conv=notrunc status=none'],
    [it, "is cut", 'truncate --size=-100 "$1"'],
    [atNight, "is empty", ': > "$1"'],
    [
      atNight,
      "was swapped with another",
      `docker exec ${DATABASE} pg_dump -U chatalot -Fc --schema-only chatalot > "$1"`,
    ],
  ] as const)
    test(`is refused when the dump ${what}`, async () => {
      await holdJobsAt(demo, "J5");
      const update = operator.up("--skip-preview");
      await jobAt(demo, "J5");
      await shell(demo, `set -- "$(ls -d ${BACKUPS}/*/ | tail -n 1)database.dump"; ${damage}`);
      await letJobsRun(demo);
      await killJob(demo);
      await expectUntouched(await update, "restore the dump");
    });

  it("is refused with numbers when the backups' own disk is too small", async () => {
    await shell(demo, `mount -t tmpfs -o size=1m tmpfs ${BACKUPS}`);
    const run = await operator.up("--skip-preview");
    await expectUntouched(run, "too little disk space", `free on ${BACKUPS}`);
    expect(run.output).to.match(/1\.0 MB free on .*, [\d.]+ MB needed/);
    expect(await shell(demo, `ls -A ${BACKUPS}`)).to.equal("");
    await shell(demo, `umount ${BACKUPS}`);
  });

  it("is refused when the disk is full in the middle of the dump, which is removed", async () => {
    // By the last backup a dump is far smaller than its database; this one can't be made smaller.
    await shell(
      demo,
      `mkdir /root/small; mount -t tmpfs -o size=4m tmpfs /root/small
       cp -a "$(ls -d ${BACKUPS}/*/ | tail -n 1)" /root/small/
       mount --bind /root/small ${BACKUPS}; umount /root/small; rmdir /root/small`,
    );
    const before = await shell(demo, `find ${BACKUPS} | sort`);
    await query(
      demo,
      `CREATE TABLE ballast AS SELECT i, (SELECT string_agg(md5(random()::text || i || j), '')
         FROM generate_series(1, 1000) AS j) AS text FROM generate_series(1, 600) AS i`,
    );
    const run = await operator.up("--skip-preview");
    await expectUntouched(run, "ENOSPC");
    expect(await shell(demo, `find ${BACKUPS} | sort`)).to.equal(before);
    await query(demo, "DROP TABLE ballast");
    await shell(demo, `umount ${BACKUPS}`);
  });

  it("goes on by itself when it is killed in the dump and in its proof", async () => {
    await replaceDumpProgram("head -c 20000 /dev/zero; sleep 600");
    const update = operator.up("--skip-preview");
    await on("a partial dump", `find ${BACKUPS} -path '*.partial/*' -size +15k | grep -q .`);
    expect(await runningSince(demo)).to.deep.equal(served);
    await shell(demo, `docker exec ${DATABASE} rm ${SHIM}`);
    await killJob(demo);

    const proof = "docker ps --quiet --filter label=chatalot-deploy.throwaway=proof";
    await on("a throwaway database", `test -n "$(${proof})" && systemctl kill -s KILL ${UNIT}`);
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(prober.snapshot().failedRequests).to.equal(0);

    const { exitCode, output } = await update;
    expect(exitCode, output).to.equal(0);
    expect(output).to.match(/DONE v1\.1\.0 .*Backup \S+ proven/);
    expect(await webVersion(chatUrl(demo))).to.equal("1.1.0");
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3, 4]);
    await expectNothingLeft();
    expect(await prober.missingMarkers()).to.deep.equal([]);
  });

  /** Another program under the name of pg_dump; `pg_real` is the true one. */
  async function replaceDumpProgram(script: string): Promise<void> {
    const text = `#!/bin/sh
real=$(PATH=\${PATH#/usr/local/sbin:} command -v pg_dump)
pg_real() { "$real" "$@"; }
if test "$1" = --version; then pg_real --version; exit; fi
${script}
`;
    await shell(
      demo,
      `printf %s "$1" | docker exec --interactive ${DATABASE} sh -euc 'cat > "$1"; chmod +x "$1"' write ${SHIM}`,
      text,
    );
  }

  /** Waits on the server: what is waited for may last less than a second. */
  async function on(what: string, condition: string): Promise<void> {
    const script = `for try in $(seq 9000); do if ${condition}; then exit 0; fi; sleep 0.05; done
      echo "there never was $1" >&2; exit 1`;
    await demo.exec(["sh", "-uc", script, "sh", what], { timeout: 580_000 });
  }

  async function expectUntouched(run: Run, ...causes: string[]): Promise<void> {
    expect(run.exitCode, run.output).not.to.equal(0);
    expect(run.output).to.contain("UNTOUCHED v1.1.0");
    for (const cause of causes) expect(run.output).to.contain(cause);
    await expectServesAsBefore();
  }

  async function expectServesAsBefore(): Promise<void> {
    expect(await runningSince(demo)).to.deep.equal(served);
    expect(prober.snapshot().failedRequests).to.equal(0);
    expect(await appliedMigrations(demo)).to.deep.equal([1, 2, 3]);
    await expectNothingLeft();
  }

  /** No partial dump, no throwaway container, no dump under another than its final name. */
  async function expectNothingLeft(): Promise<void> {
    expect(await shell(demo, `find ${DIRECTORY} -name '*.partial'`)).to.equal("");
    const containers = await shell(demo, "docker ps --all --format '{{.Names}}' | sort");
    expect(containers.split("\n")).to.deep.equal([DATABASE, SERVER]);
  }
});
