import { expect } from "chai";
import type { DemoServer } from "../../demo/server/index.ts";
import { DIRECTORY, servingChat } from "./support/fixture.ts";
import { holdJobsAt, jobAt, jobsAreClosed, letJobsRun, UNIT } from "./support/job-control.ts";
import { numberOfJobs, runningSince, shell } from "./support/looks.ts";
import type { Operator } from "./support/operator.ts";
import { takeBack } from "./support/take-back.ts";

describe("what runs as root on a server", function () {
  this.timeout(600_000);
  let demo: DemoServer;
  let operator: Operator;
  /** The updater that the next job will use. */
  let updater: string;

  before(async () => {
    ({ demo, operator } = await servingChat("v1.0.0", { "backup.schedule": "yearly UTC" }));
    updater = await shell(demo, `readlink -f ${DIRECTORY}/.deploy/runner-updater`);
  });
  after(() =>
    takeBack(
      () => demo && letJobsRun(demo),
      () => operator?.leave(),
    ),
  );

  it("runs its jobs in a unit with no more rights than they need", async () => {
    await holdJobsAt(demo, "J4");
    await operator.configure({ release: "v1.0.1" });
    const update = operator.up("--skip-preview");
    await jobAt(demo, "J4");
    const [pid, memory] = await Promise.all(
      ["MainPID", "MemoryMax"].map((name) =>
        shell(demo, 'systemctl show --property="$1" --value "$2"', name, UNIT),
      ),
    );
    expect(await propertiesOf(UNIT)).to.include({
      ...HARDENING,
      ...{ TasksMax: "512", OOMScoreAdjust: "-500" },
    });
    expect(memory).to.equal(String(1024 ** 3));
    // What the kernel says of the process itself. Its score is not: a container may not lower one.
    const status = await shell(demo, 'cat "/proc/$1/status"', pid ?? "");
    expect(status).to.match(/^NoNewPrivs:\s1$/m);
    for (const folder of ["/etc", "/usr"])
      expect(await writesAs(pid ?? "", folder), folder).to.match(/Read-only file system/);
    expect(await writesAs(pid ?? "", DIRECTORY)).to.equal("");
    await letJobsRun(demo);
    // It waits for ever at that step; its unit takes it up again.
    await shell(demo, "systemctl kill --signal=SIGKILL " + UNIT);
    const { exitCode, output } = await update;
    await jobsAreClosed(demo);
    expect(exitCode, output).to.equal(0);
  });

  it("does the same by the clock, and may write the job's unit besides", async () => {
    const unit = `chatalot-deploy-backup-${DIRECTORY.slice(1).replaceAll("/", "-")}.service`;
    expect(await propertiesOf(unit)).to.include({
      ...HARDENING,
      ReadWritePaths: "/etc/systemd/system",
    });
    await shell(demo, 'systemctl start "$1"', unit);
    expect(await shell(demo, 'systemctl show --property=Result --value "$1"', unit)).to.equal(
      "success",
    );
    const { output } = await operator.mustChatalot("backup", "list");
    expect(output).to.contain("by the clock");
  });

  it("can be changed by nobody but root, and is in a folder of its digest", async () => {
    const facts = await shell(
      demo,
      'find /usr/local/lib/chatalot-deploy "$1" -printf "%u %m %p\\n"',
      `${DIRECTORY}/.deploy`,
    );
    for (const line of facts.split("\n")) {
      const [owner, mode = ""] = line.split(" ");
      expect(owner, line).to.equal("root");
      // Links have rights that mean nothing.
      if (mode !== "777") expect(Number.parseInt(mode, 8) & 0o022, line).to.equal(0);
    }
    const digest = await shell(demo, 'sha256sum < "$1" | cut -d " " -f 1', updater);
    expect(updater).to.equal(`/usr/local/lib/chatalot-deploy/${digest}/updater.mjs`);
  });

  for (const [what, change, mend] of [
    ["has another byte", 'echo "// more" >> "$1"', 'sed -i "\\$d" "$1"'],
    ["can be written to by everybody", 'chmod 666 "$1"', 'chmod 644 "$1"'],
  ] as const)
    it(`is not run where it ${what}, and nothing else is done`, async () => {
      const [jobs, since] = [await numberOfJobs(demo), await runningSince(demo)];
      await shell(demo, change, updater);
      try {
        await operator.configure({ release: "v1.1.0" });
        for (const run of [
          await operator.up("--skip-preview"),
          await operator.chatalot("status"),
        ]) {
          expect(run.exitCode, run.output).not.to.equal(0);
          expect(run.output).to.contain("Nothing was run").and.to.contain(updater);
        }
      } finally {
        await shell(demo, mend, updater);
      }
      expect(await numberOfJobs(demo)).to.equal(jobs);
      expect(await runningSince(demo)).to.deep.equal(since);
    });

  const HARDENING = {
    ...{ NoNewPrivileges: "yes", PrivateTmp: "yes", ProtectSystem: "full", UMask: "0077" },
    ...{ ProtectClock: "yes", ProtectHostname: "yes", ProtectKernelLogs: "yes" },
    ...{ ProtectKernelModules: "yes", RestrictSUIDSGID: "yes", RestrictRealtime: "yes" },
    LockPersonality: "yes",
  };

  async function propertiesOf(unit: string): Promise<Record<string, string>> {
    const text = await shell(demo, 'systemctl show "$1"', unit);
    return Object.fromEntries(
      text.split("\n").map((line) => {
        const equals = line.indexOf("=");
        return [line.slice(0, equals), line.slice(equals + 1)];
      }),
    );
  }

  /** What is said where a process's own view of the disk is written to; empty where it can be. */
  async function writesAs(pid: string, folder: string): Promise<string> {
    return shell(
      demo,
      'nsenter --target "$1" --mount sh -c \'touch "$0/try" && rm "$0/try"\' "$2" 2>&1 || true',
      ...[pid, folder],
    );
  }
});
