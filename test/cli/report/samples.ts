import type { Report } from "../../../cli/report/report.ts";
import type { Plan } from "../../../provider/plan/plan.ts";

const COMMIT = "2".repeat(40);

/** What a preview would have planned. */
export function plan(changes: Partial<Plan> = {}): Plan {
  return {
    from: { name: "v1.0.0", commit: "1".repeat(40) },
    to: { name: `v2.0.0@${COMMIT}`, commit: COMMIT },
    ...{ ahead: 3, behind: 0, commits: ["Pin messages"], breaking: [], required: [] },
    changelog: [{ version: "v2.0.0", changes: ["Pins."], breaking: [] }],
    services: { changed: [], added: [], removed: [] },
    database: {
      ...{ bytes: 412_000_000, applied: 49 },
      pending: [
        {
          ...{ version: 50, description: "thumbnails", checksum: "a", isOutOfOrder: false },
          effects: [
            {
              on: "files",
              what: "2 new columns",
              cost: "instant",
              isDestructive: false,
              bytes: 18e6,
            },
            { on: "files", what: "drops column old", cost: "writes", isDestructive: true },
          ],
        },
      ],
    },
    imageIsThere: false,
    last: { backup: 2_400, away: 18_000 },
    disk: { needed: 3.1e9, free: 9.8e9, updates: 7 },
    ...changes,
  };
}

export function report(changes: Partial<Report> = {}): Report {
  return {
    title: "https://chat.example.org",
    server: "root@chat.example.org:22",
    madeAt: new Date("2026-03-01T20:15:00Z"),
    plan: plan(),
    stations: [
      { name: "v1.0.0", commit: "1".repeat(40) },
      { name: "v1.5.0", commit: "3".repeat(40), date: "2026-02-01", migrations: 1 },
      { name: `v2.0.0@${COMMIT}`, commit: COMMIT, date: "2026-02-20", migrations: 1 },
    ],
    ...{ refusals: [], warnings: [], leaving: [], programs: [] },
    backup: { takenAt: "2026-02-27T03:30:00Z", provenAt: "2026-02-27T03:31:00Z" },
    gate: { timeout: "60 seconds", migrationTimeout: "30 minutes", mustStayGoodFor: "10 seconds" },
    ...changes,
  };
}
