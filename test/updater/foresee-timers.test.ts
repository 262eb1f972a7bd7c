import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { expect } from "chai";
import { foreseeAlerts, setAlerts } from "../../updater/alerts/alerts.ts";
import { SENDMAIL } from "../../updater/alerts/deliver.ts";
import { foreseeAlertsRequestSchema } from "../../updater/alerts/protocol.ts";
import { nameExists } from "../../updater/files.ts";
import { ensureInstance } from "../../updater/instance.ts";
import { type InstancePaths, instancePaths } from "../../updater/paths.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import type { Schedule } from "../../updater/schedule/protocol.ts";
import { foreseeSchedule, setSchedule } from "../../updater/schedule/schedule.ts";
import { HOSTILE_VALUES, named } from "../support/hostile-values.ts";
import { useServerPrograms } from "./server-programs.ts";
import { useTemporaryDirectory } from "./temporary.ts";

/** Takes every time but one. */
const ANALYZE = `#!/bin/sh
case "$*" in
  *fortnightly*) echo "Failed to parse calendar expression" >&2; exit 1;;
  *) echo "  Next elapse: Wed 2026-11-25 03:30:00 UTC";;
esac
`;

describe("what is foreseen of timers", () => {
  const temporary = useTemporaryDirectory();
  const programs = useServerPrograms(temporary);
  let paths: InstancePaths;

  beforeEach(async () => {
    await writeFile(temporary("programs", "systemd-analyze"), ANALYZE);
    await chmod(temporary("programs", "systemd-analyze"), 0o755);
    paths = instancePaths(temporary("chat"));
    await ensureInstance(paths, "chat");
  });

  const SCHEDULE: Schedule = { backup: "daily UTC", keep: 7 };
  const request = (schedule: Schedule) => ({
    ...({ protocol: PROTOCOL, directory: paths.directory } as const),
    schedule,
  });

  it("of a schedule is what setting it would refuse, and nothing is changed or run for it", async () => {
    await mkdir(temporary("copies"));
    const refused: [Schedule, string][] = [
      [{ ...SCHEDULE, copyTo: temporary("nowhere") }, "backup.copyTo can't be used"],
      [{ ...SCHEDULE, copyTo: temporary("copies") }, "backup.copyTo can't be used"],
      [{ ...SCHEDULE, backup: "fortnightly UTC" }, 'doesn\'t take "fortnightly UTC"'],
      [
        { ...SCHEDULE, copyTo: temporary("nowhere"), encryptTo: ["age1qqqqqqqqqqqqqqqqqqqqqq"] },
        "backup.encryptTo can't be used",
      ],
    ];
    for (const [schedule, text] of refused) {
      const foreseen = await foreseeSchedule(request(schedule));
      expect(foreseen.refusals.join(), text).to.contain(text);
      expect(foreseen.isSet).to.equal(false);
      expect(await setSchedule(request(schedule))).to.deep.equal({
        answer: "refused",
        reasons: foreseen.refusals,
      });
    }
    const good = await foreseeSchedule(request(SCHEDULE));
    expect(good).to.deep.equal({ refusals: [], isSet: false });
    expect(await nameExists(paths.schedule)).to.equal(false);
    expect((await programs.calls()).filter((call) => call.startsWith("systemctl"))).to.deep.equal(
      [],
    );
  });

  it("of a schedule is told apart where it is set so already", async () => {
    const set = { schedule: SCHEDULE, setAt: "2026-01-01T00:00:00Z", pause: 0 };
    await writeFile(paths.schedule, JSON.stringify(set));
    expect((await foreseeSchedule(request({ keep: 7, backup: "daily UTC" }))).isSet).to.equal(true);
    expect((await foreseeSchedule(request({ ...SCHEDULE, keep: 8 }))).isSet).to.equal(false);
  });

  it("of alerts is whether the server can send mail, and no message is sent", async () => {
    const ask = (mail: string) =>
      foreseeAlerts({ protocol: PROTOCOL, directory: paths.directory, mail });
    const { refusals, isSet } = await ask("admin@example.org");
    expect(isSet).to.equal(false);
    const canSend = await nameExists(SENDMAIL);
    expect(refusals).to.have.length(canSend ? 0 : 1);
    if (!canSend) {
      const alerts = { mail: "admin@example.org", every: 300, diskFree: 0 };
      const { directory } = paths;
      expect(await setAlerts({ protocol: PROTOCOL, directory, alerts })).to.deep.equal({
        answer: "refused",
        reasons: refusals,
      });
    }
    const known = JSON.stringify({ mail: "admin@example.org", every: 300, diskFree: 0 });
    await writeFile(paths.alerts, known);
    expect((await ask("admin@example.org")).isSet).to.equal(true);
    expect((await ask("other@example.org")).isSet).to.equal(false);
    expect(await readFile(paths.alerts, "utf8")).to.equal(known);
  });

  it("is refused where there is no instance", async () => {
    paths = instancePaths(temporary("other"));
    await mkdir(paths.directory);
    const [text] = (await foreseeSchedule(request(SCHEDULE))).refusals;
    expect(text).to.contain(`There is no instance in ${paths.directory}`);
  });

  it("takes an address of mail in a request, and no other text", () => {
    for (const mail of HOSTILE_VALUES)
      expect(
        foreseeAlertsRequestSchema.safeParse({ protocol: PROTOCOL, directory: "/srv/chat", mail })
          .success,
        named(mail),
      ).to.equal(false);
  });
});
