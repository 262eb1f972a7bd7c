/** chatalot:Watch: the server looks at itself by the clock, and tells whom it may concern what is wrong. */
import type { AlertSettings, SetAlertsAnswer } from "../updater/alerts/protocol.ts";
import { foreseeAlertsOf, removeAlertsOf, setAlertsOf } from "./server/server-alerts.ts";
import { timerResource } from "./timers.ts";

export const watch = timerResource<SetAlertsAnswer>({
  input: "alerts",
  found: ({ alerts }) => alerts,
  warning: (problem) =>
    `An alert could not be sent: ${problem}. Try it: npx chatalot alerts --test`,
  what: "alerts",
  gone: "there are none any more",
  foresee: (server, alerts) => foreseeAlertsOf(server, alerts as AlertSettings),
  set: (server, alerts, tell) => setAlertsOf(server, alerts as AlertSettings, tell),
  remove: removeAlertsOf,
  farewell: "The server tells nobody any more that something is wrong with it.",
});
