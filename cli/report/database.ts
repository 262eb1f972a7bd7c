/** The section of a page on the database: what it becomes, and its migrations with their tables. */
import { describeBytes } from "../../common/size.ts";
import { counted } from "../../common/text.ts";
import type { PlannedMigration } from "../../provider/plan/plan.ts";
import { countsText, replacedText } from "../../provider/plan/render.ts";
import { migrationName } from "../../updater/texts.ts";
import { type Html, markup } from "./html.ts";
import type { Report } from "./report.ts";

export function database({ plan: { database: found, replacement } }: Report): Html {
  if (replacement !== undefined)
    return markup`<section>
      <h2>Database</h2>
      <p>It is ${replacedText(replacement, found && countsText(found))}.</p>
      ${found === undefined || found.pending.length === 0 ? undefined : migrationTable(found.pending)}
    </section>`;
  if (found === undefined)
    return markup`<section>
      <h2>Database</h2>
      <p>It did not answer, so that nothing is known of it.</p>
    </section>`;
  const { pending, applied } = found;
  if (pending.length === 0)
    return markup`<section>
      <h2>Database</h2>
      <p>No migration is to come, ${counted(applied, "migration")} applied. It is not touched.</p>
    </section>`;
  return markup`<section>
    <h2>Database</h2>
    <p class="soft">${counted(applied, "migration")} applied, ${pending.length} to come:</p>
    ${migrationTable(pending)}
  </section>`;
}

function migrationTable(pending: readonly PlannedMigration[]): Html {
  return markup`<table>
      <thead>
        <tr>
          <th scope="col">Migration</th>
          <th scope="col">Table</th>
          <th scope="col">What</th>
          <th scope="col">How long</th>
        </tr>
      </thead>
      <tbody>
        ${pending.flatMap(rowsOf)}
      </tbody>
    </table>`;
}

const COSTS = {
  instant: "instant",
  reads: "reads the table",
  writes: "writes the table anew",
  unknown: "not known",
} as const;

function rowsOf(migration: PlannedMigration): Html[] {
  const name = markup`<th scope="row">${migrationName(migration)}</th>`;
  if (migration.effects.length === 0)
    return [
      markup`<tr>
        ${name}
        <td>-</td>
        <td>no table is changed</td>
        <td>instant</td>
      </tr>`,
    ];
  return migration.effects.map(({ on, what, cost, isDestructive, reads, bytes }, at) => {
    const size = bytes === undefined ? "" : ` (${describeBytes(bytes)})`;
    const gone = isDestructive ? markup` <span class="tag bad">data go</span>` : undefined;
    return markup`<tr>
      ${at === 0 ? name : markup`<td></td>`}
      <td>${on === "" ? "-" : on}${reads === undefined ? size : ""}</td>
      <td>${what}${reads === undefined ? "" : ` from ${reads.join(", ")}${size}`}${gone}</td>
      <td>${COSTS[cost]}</td>
    </tr>`;
  });
}
