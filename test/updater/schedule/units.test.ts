import { expect } from "chai";
import { calendarSchema } from "../../../updater/schedule/protocol.ts";
import { routineUnit, timeOf, unitFiles } from "../../../updater/schedule/units.ts";

describe("the units of what is done by the clock", () => {
  const schedule = { backup: "*-*-* 03:30 Europe/Berlin", drill: "*-*-01 05:00 UTC", keep: 7 };

  it("are a timer and a service for each routine of the instance", () => {
    const files = unitFiles("/srv/my-chat", schedule);
    expect([...files.keys()]).to.deep.equal([
      "chatalot-deploy-backup-srv-my\\x2dchat.service",
      "chatalot-deploy-backup-srv-my\\x2dchat.timer",
      "chatalot-deploy-drill-srv-my\\x2dchat.service",
      "chatalot-deploy-drill-srv-my\\x2dchat.timer",
    ]);
    const unit = routineUnit("backup", "/srv/my-chat");
    expect(files.get(`${unit}.timer`)).to.contain("\nOnCalendar=*-*-* 03:30 Europe/Berlin\n");
    expect(files.get(`${unit}.service`)).to.contain(
      "\nExecStart=/srv/my-chat/.deploy/runner-node /srv/my-chat/.deploy/runner-updater routine /srv/my-chat backup\n",
    );
  });

  it("leave out the drill where none is asked for", () => {
    const { drill: _, ...without } = schedule;
    expect([...unitFiles("/srv/chat", without).keys()]).to.have.length(2);
  });

  it("never hold more than a calendar's characters", () => {
    for (const calendar of [
      "daily UTC\nExecStart=/bin/sh",
      "%h UTC",
      "$(touch PWNED) UTC",
      "daily;UTC",
    ])
      expect(calendarSchema.safeParse(calendar).success, calendar).to.equal(false);
    for (const calendar of ["daily UTC", "Mon..Fri *-*-* 03:30:00 America/New_York", "*:0/15 UTC"])
      expect(calendarSchema.safeParse(calendar).success, calendar).to.equal(true);
  });

  it("tell a time as systemd prints it in UTC, and none where there is none", () => {
    expect(timeOf("Wed 2026-11-25 03:30:00 UTC")).to.equal("2026-11-25T03:30:00Z");
    expect(timeOf("n/a")).to.equal(undefined);
  });
});
