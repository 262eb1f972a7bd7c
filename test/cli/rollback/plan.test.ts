import { expect } from "chai";
import { historyEntries } from "../../../cli/history/entries.ts";
import { planText, type RollbackPlan } from "../../../cli/rollback/plan.ts";
import { chooseTarget } from "../../../cli/rollback/target.ts";
import { instanceHistory, pastJob, wayBack } from "../history/samples.ts";

describe("planText", () => {
  function text(changes: Partial<RollbackPlan> = {}, missing: string[] = []): string {
    const database = { way: "backup" as const, name: "000002-x", sequence: 2, at: "then" };
    const entries = historyEntries(
      instanceHistory({
        jobs: [pastJob(1), pastJob(2)],
        waysBack: [wayBack(1, { missing, databases: [database] })],
        serving: 2,
      }),
      [],
    );
    const plan: RollbackPlan = {
      serving: entries[0],
      target: chooseTarget(entries),
      changes: [],
      withSecrets: false,
      database: missing.length === 0 ? undefined : database,
      loss: undefined,
      ...changes,
    };
    return planText(plan).join("\n");
  }

  it("says from where to where, and that nothing else changes", () => {
    expect(text())
      .to.match(/^GO BACK +v2 \(2222222\) -> v1 \(1111111\), as of job 1$/m)
      .and.match(/^Settings +env, profiles and sideImages are the same; secretEnv stays as it is$/m)
      .and.match(/^Needs +nothing$/m)
      .and.match(/^Failure +v2 \(2222222\) comes back by itself$/m);
  });

  it("names the settings that change, and never a value", () => {
    expect(text({ changes: ["REGISTRATION_MODE", "turn"], withSecrets: true })).to.match(
      /^Settings +REGISTRATION_MODE, turn; secretEnv goes back, too$/m,
    );
    expect(text({ changes: undefined })).to.contain("Pulumi's history doesn't have that update");
  });

  it("counts what would be left out, by table", () => {
    const rows = { "public.messages": 1204, "public.users": -1, "public._sqlx_migrations": 1 };
    const shown = text({ loss: { name: "x", at: "then", rows, uploads: 1 } }, ["049 reactions"]);
    expect(shown)
      .to.match(/^Between +049 reactions$/m)
      .and.match(/^Needs +the backup 000002-x, of then; the database of now is kept/m)
      .and.match(
        /^Left out +since then: rows messages \+1204, users -1; 1 upload\. All of it is kept/m,
      )
      .and.contain("comes back by itself, with its database");
  });
});
