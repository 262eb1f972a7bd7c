/** The report as one page that needs nothing else: no script, no font, no image, no network. */
import { createHash } from "node:crypto";
import { describeMilliseconds } from "../../common/duration.ts";
import { describeBytes } from "../../common/size.ts";
import { counted } from "../../common/text.ts";
import { firstWord, NOT_COMPARED } from "../../provider/plan/render.ts";
import { migrationName, releaseText } from "../../updater/texts.ts";
import { database } from "./database.ts";
import { Html, markup } from "./html.ts";
import type { Report } from "./report.ts";
import { reportedSteps } from "./steps.ts";
import { STYLE } from "./style.ts";

/** By this a page is known to be one of ours, which may be written over. */
export const GENERATOR = '<meta name="generator" content="chatalot-deploy report">';

/** By the first word of the preview. */
const HEADINGS = { UPDATE: "Update", "GO BACK": "Going back", CHANGE: "Change" } as const;

/** Of changes and commits no more is shown than this. */
const MOST = 60;

export function reportPage(report: Report): string {
  const { plan, title, server, madeAt } = report;
  const [from, to] = [releaseText(plan.from), releaseText(plan.to)];
  const style = createHash("sha256").update(STYLE).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'`;
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        ${new Html(GENERATOR)}
        <title>${title}: ${from} to ${to}</title>
        ${new Html(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main>
          <header>
            <h1>${HEADINGS[firstWord(plan)]} to ${tagOf(plan.to.name)}</h1>
            <p>
              ${title}${title === server ? "" : markup` (${server})`}. What serves now: ${from}. Read
              on ${madeAt.toISOString().slice(0, 16).replace("T", " ")} UTC; nothing was changed for
              it.
            </p>
          </header>
          ${verdict(report)} ${facts(report)} ${stations(report)} ${risks(report)}
          ${changes(report)} ${database(report)} ${steps(report)} ${wayBack(report)}
          <footer>
            <p>
              Made by <code>npx chatalot report</code>. The durations are those of the last update
              on this server.
            </p>
          </footer>
        </main>
      </body>
    </html> `;
  return page.text;
}

function verdict({ refusals, plan }: Report): Html {
  if (refusals.length > 0) {
    const lines = refusals.flatMap((reason) => reason.split("\n"));
    return markup`<div class="verdict bad">As things are, this is refused.
${lines.map((text) => markup`<p>${text}</p>`)}</div>`;
  }
  const doubts = [
    ...(plan.database === undefined && plan.replacement === undefined
      ? ["The database did not answer, so that nothing is known of it."]
      : []),
    ...(mayLackRoom(plan) ? [roomText(plan)] : []),
  ];
  if (doubts.length > 0)
    return markup`<div class="verdict away">Whether this can be done is not certain.
${doubts.map((text) => markup`<p>${text}</p>`)}</div>`;
  return markup`<div class="verdict good">This can be done.<p>Whatever fails, the release that serves now
comes back by itself, with every message.</p></div>`;
}

/** The most that it may take does not fit; it may take less. */
function mayLackRoom({ disk }: Report["plan"]): boolean {
  return disk.updates === 0;
}

function roomText({ disk: { needed, free } }: Report["plan"]): string {
  return `It takes up to ${describeBytes(needed)}, and ${describeBytes(free)} are free.`;
}

function facts({ plan, backup }: Report): Html {
  const { last, database: found, disk } = plan;
  const list: [string, string][] = [
    [
      "Chat is away for",
      last.away === undefined ? "not known yet" : `about ${describeMilliseconds(last.away)}`,
    ],
    ["Migrations", found === undefined ? "not known" : String(found.pending.length)],
    ["Commits", countsOf(plan)],
    ["Database", found?.bytes === undefined ? "not known" : describeBytes(found.bytes)],
    ["Last backup", backup === undefined ? "none yet" : backup.takenAt.slice(0, 10)],
    ["Disk", `${describeBytes(disk.needed)} of ${describeBytes(disk.free)} free`],
  ];
  return markup`<dl class="facts">
    ${list.map(
      ([name, value]) =>
        markup`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function countsOf({ ahead, behind, notCompared }: Report["plan"]): string {
  if (notCompared !== undefined) return "not known";
  return behind > 0 ? `${ahead} new, ${behind} fewer` : String(ahead);
}

function stations({ stations: all }: Report): Html {
  const last = all.length - 1;
  const items = all.map(({ name, commit, date, migrations }, at) => {
    const place = at === 0 ? "now" : at === last ? "next" : "";
    const about = [
      ...(date === undefined ? [] : [date]),
      ...(migrations === undefined || migrations === 0 ? [] : [counted(migrations, "migration")]),
      ...(at === 0 ? ["serves now"] : []),
    ];
    return markup`<li class="${place}">
      <strong>${tagOf(name)}</strong><code class="soft">${commit.slice(0, 7)}</code><br /><span
        class="soft"
        >${about.join(", ")}</span
      >
    </li>`;
  });
  return markup`<section>
    <h2>Releases</h2>
    <ol class="line">
      ${items}
    </ol>
  </section>`;
}

function risks({ plan, warnings, leaving, programs }: Report): Html | undefined {
  const { breaking, required, database: found, notCompared } = plan;
  const pending = found?.pending ?? [];
  const destructive = pending.filter(({ effects }) =>
    effects.some((effect) => effect.isDestructive),
  );
  const list: [string, string[]][] = [
    ["Unknown", notCompared === undefined ? [] : [NOT_COMPARED]],
    ["Breaking", breaking],
    ["Must be set", required.map(({ name, isSet }) => (isSet ? `${name} (you have it)` : name))],
    ["Data go", destructive.map(migrationName)],
    ["Below one that is applied", pending.filter((one) => one.isOutOfOrder).map(migrationName)],
    ["Disk", mayLackRoom(plan) ? [roomText(plan)] : []],
    ["Can't be gone back to afterwards", leaving],
    ["Your programs run around it", programs],
    ["Note", warnings],
  ];
  const there = list.filter(([, items]) => items.length > 0);
  if (there.length === 0) return undefined;
  return markup`<section>
    <h2>To know before</h2>
    ${there.map(
      ([name, items]) =>
        markup`<p><span class="tag bad">${name}</span></p>
          ${bullets(items)}`,
    )}
  </section>`;
}

/** None where neither the changelog nor the commits can be compared. */
function changes({ plan }: Report): Html | undefined {
  const { changelog, changelogEndsAt, commits, ahead, notCompared } = plan;
  const versions = changelog.filter((entry) => entry.changes.length > 0);
  if (versions.length > 0)
    return markup`<section>
      <h2>What is new</h2>
      ${versions.map(
        (entry) =>
          markup`<p><span class="tag">${entry.version}</span></p>
            ${bullets(entry.changes)}`,
      )}
    </section>`;
  if (notCompared !== undefined) return undefined;
  const end =
    changelogEndsAt === undefined
      ? "There is no changelog"
      : `The changelog ends at ${changelogEndsAt}`;
  const rest = ahead - commits.length;
  return markup`<section>
    <h2>What is new</h2>
    <p class="soft">${end}, which says nothing about what may break. The commits:</p>
    ${bullets([...commits, ...(rest > 0 ? [`and ${rest} more`] : [])])}
  </section>`;
}

function steps(report: Report): Html {
  return markup`<section>
    <h2>Step by step</h2>
    <ol class="steps">
      ${reportedSteps(report).map(
        ({ title, duration, text, isAway }) =>
          markup`<li class="${isAway ? "away" : ""}">
            <strong
              >${title}${isAway ? markup` <span class="tag away">chat is away</span>` : undefined}</strong
            ><span class="duration">${duration}</span>
            <p>${text}</p>
          </li>`,
      )}
    </ol>
  </section>`;
}

function wayBack({ plan, backup }: Report): Html {
  const pending = plan.database?.pending.length ?? 0;
  const proof =
    backup === undefined
      ? "Its backup will be the first."
      : `The newest backup before it is of ${backup.takenAt.slice(0, 16).replace("T", " ")} UTC` +
        (backup.provenAt === undefined ? ", read back only." : ", proven by a restore.");
  return markup`<section>
    <h2>If it fails</h2>
    <p>
      ${releaseText(plan.from)} comes back by
      itself${
        plan.replacement !== undefined
          ? ", and the database of now is live again. Nobody can write in between, so that no message is lost."
          : pending === 0
            ? "; its database is not touched."
            : ", with its database as it was when it stopped. Nobody can write in between, so that no message is lost."
      }
    </p>
    <p>
      Whoever started it may close the laptop: the server ends the update, or takes it back, alone.
      ${proof}
    </p>
  </section>`;
}

/** `v1.2.0` of `v1.2.0@<commit>`: the commit stands beside it. */
function tagOf(name: string): string {
  return name.replace(/@[0-9a-f]{7,40}$/, "");
}

function bullets(items: readonly string[]): Html {
  const rest = items.length - MOST;
  const shown = rest > 0 ? [...items.slice(0, MOST), `and ${rest} more`] : items;
  return markup`<ul>
    ${shown.map((item) => markup`<li>${item}</li>`)}
  </ul>`;
}
