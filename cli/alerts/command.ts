/** `chatalot alerts`: what the server tells by itself, and whether it arrives. */
import type { Command } from "commander";
import { UserError } from "../../common/errors.ts";
import { testAlertsOf } from "../../provider/server/server-alerts.ts";
import type { AlertState } from "../../updater/alerts/protocol.ts";
import { serverOfStack } from "../stack.ts";

export function registerAlerts(program: Command): void {
  program
    .command("alerts")
    .description("shows whom the server tells that something is wrong, and what it has told")
    .option("--test", "sends a message by every way that is set; exit code 1 where one fails")
    .option("--json", "as JSON")
    .action(async (options: { test?: boolean; json?: boolean }) => {
      const server = await serverOfStack(program.opts<{ stack?: string }>().stack);
      if (options.test === true) {
        const problems = await testAlertsOf(server, (text) => console.error(text));
        if (problems.length > 0)
          throw new UserError(`A message could not be sent: ${problems.join("; ")}.`);
      }
      const { alerts } = await server.state();
      if (options.json === true) console.log(JSON.stringify(alerts ?? null, null, 2));
      else console.log(describeAlerts(alerts));
    });
}

/** For people, one fact a line. */
export function describeAlerts(alerts: AlertState | undefined): string {
  if (alerts === undefined)
    return "The server tells nobody. Set alerts.webhook or alerts.mail, then: pulumi up";
  const { channels, lookedAt, told, drift, problems } = alerts;
  return [
    `Told by ${channels.join(" and ")}; last look ${lookedAt ?? "not yet"}`,
    ...told.map(({ text, since }) => `told: ${text} (since ${since})`),
    ...(told.length === 0 ? ["nothing is wrong that was told"] : []),
    ...drift,
    ...problems.map((problem) => `not sent: ${problem}`),
  ].join("\n");
}
