import { expect } from "chai";
import { alertsUnitFiles } from "../../../updater/alerts/units.ts";

describe("the units of the alerts", () => {
  it("are a timer with the interval and a service of the instance", () => {
    const files = alertsUnitFiles("/srv/my-chat", 300);
    const unit = "chatalot-deploy-alerts-srv-my\\x2dchat";
    expect([...files.keys()]).to.deep.equal([`${unit}.service`, `${unit}.timer`]);
    expect(files.get(`${unit}.timer`)).to.contain("\nOnUnitInactiveSec=300s\n");
    expect(files.get(`${unit}.service`)).to.contain(
      "\nExecStart=/srv/my-chat/.deploy/runner-node /srv/my-chat/.deploy/runner-updater watch /srv/my-chat\n",
    );
  });
});
