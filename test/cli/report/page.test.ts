import { createHash } from "node:crypto";
import { expect } from "chai";
import { reportPage } from "../../../cli/report/page.ts";
import { plan, report } from "./samples.ts";

/** What a reader sees of a page, in one line. */
function textOf(page: string): string {
  return page
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .replaceAll("&#39;", "'");
}

const HOSTILE = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'; touch PWNED; '",
  "</style><style>body{display:none}",
  "\u{1b}[31mred\u{202e}txt",
  "${alert(1)} {{alert(1)}} &lt;b&gt;",
];

describe("the page of a report", () => {
  it("tells the releases in their order, the migrations with their tables, and the steps", () => {
    const text = textOf(reportPage(report()));
    expect(text).to.contain("Update to v2.0.0 ");
    expect(text).to.match(/v1\.0\.0 1111111 serves now .*v1\.5\.0 3333333 .*v2\.0\.0 2222222/);
    expect(text).to.match(/050 thumbnails files \(18 MB\) 2 new columns instant/);
    expect(text).to.match(/files drops column old data go writes the table anew/);
    expect(text).to.match(/Back up, and prove it 2\.4 s last time/);
    expect(text).to.match(/Start the new server; it migrates chat is away 18 s last time/);
    expect(text).to.contain("proven by a restore");
    expect(text).to.contain("This can be done.");
  });

  it("says what the database becomes where another one takes its place", () => {
    const at = "2026-03-01T02:00:00Z";
    const text = textOf(
      reportPage(
        report({
          plan: plan({
            database: { bytes: 412e6, applied: 49, pending: [] },
            replacement: { way: "revert-point", name: "chatalot_before_3", at },
          }),
        }),
      ),
    );
    expect(text)
      .to.contain(
        `It is replaced by the revert-point chatalot_before_3, of ${at}: 49 migrations applied`,
      )
      .and.contain("Put the other database in its place chat is away")
      .and.contain("comes back by itself, and the database of now is live again.")
      .and.not.match(/is not touched/i);
  });

  it("shows why it is refused, and every risk", () => {
    const risky = plan({
      breaking: ["PUBLIC_URL must be set"],
      required: [{ name: "PUBLIC_URL", isSet: false }],
      disk: { needed: 3e9, free: 1e9, updates: 0 },
    });
    const text = textOf(
      reportPage(
        report({
          plan: risky,
          refusals: ["v2.0.0 has a breaking change:\n  - PUBLIC_URL"],
          leaving: ["v0.9.0 (9999999)", "revert point chatalot_before_3"],
          warnings: ["the tag is old"],
        }),
      ),
    );
    expect(text).to.contain(
      "As things are, this is refused. v2.0.0 has a breaking change: - PUBLIC_URL",
    );
    expect(text).not.to.contain("This can be done.");
    for (const risk of [
      "Breaking PUBLIC_URL must be set",
      "Must be set PUBLIC_URL",
      "Data go 050 thumbnails",
      "Disk It takes up to 3 GB, and 1 GB are free.",
      "Can't be gone back to afterwards v0.9.0 (9999999) revert point chatalot_before_3",
      "Note the tag is old",
    ])
      expect(text).to.contain(risk);
  });

  it("says what is not known, and takes no silence of a changelog for a promise", () => {
    const { database: _, ...unknown } = plan({ last: {}, changelog: [] });
    const { backup: _backup, ...rest } = report({ plan: unknown });
    const text = textOf(reportPage(rest));
    expect(text).to.contain("There is no changelog, which says nothing about what may break.");
    expect(text).to.contain("Pin messages and 2 more");
    expect(text).to.contain("Chat is away for not known yet");
    expect(text).to.contain("Last backup none yet");
    expect(text).to.contain("It did not answer, so that nothing is known of it.");
  });

  it("says what can't be compared where the repository does not have what runs", () => {
    const lost = { ahead: 0, commits: [], changelog: [], notCompared: "unknown" as const };
    const page = reportPage(report({ plan: plan(lost) }));
    expect(page).to.contain("compose file can&#39;t be compared");
    const text = textOf(page);
    expect(text)
      .to.contain("Change to v2.0.0 ")
      .and.contain("Commits not known")
      .and.contain(
        "Unknown what runs is not in the repository as it is known here: commits, changes and compose file " +
          "can't be compared",
      )
      .and.not.contain("What is new");
    const heading = (notCompared: "newer" | "older"): string | undefined =>
      /<h1>(.*?)<\/h1>/.exec(reportPage(report({ plan: plan({ ...lost, notCompared }) })))?.[1];
    expect(heading("newer")).to.equal("Update to v2.0.0");
    expect(heading("older")).to.equal("Going back to v2.0.0");
  });

  it("tells what a changelog has also where the commits can't be compared, and nothing unknown else", () => {
    expect(textOf(reportPage(report({ plan: plan({ notCompared: "newer" }) })))).to.contain(
      "What is new v2.0.0 Pins.",
    );
    expect(textOf(reportPage(report()))).not.to.contain("Unknown");
  });

  it("promises nothing where the room may not be enough, or the database did not answer", () => {
    const small = reportPage(
      report({ plan: plan({ disk: { needed: 3e9, free: 1e9, updates: 0 } }) }),
    );
    const { database: _, ...silent } = plan();
    for (const [page, doubt] of [
      [small, "It takes up to 3 GB, and 1 GB are free."],
      [reportPage(report({ plan: silent })), "The database did not answer"],
    ] as const) {
      expect(textOf(page)).to.contain(`Whether this can be done is not certain. ${doubt}`);
      expect(textOf(page)).not.to.contain("This can be done.");
      expect(page).to.contain('class="verdict away"').and.not.contain('class="verdict good"');
    }
  });

  it("is a way back where it goes back", () => {
    expect(textOf(reportPage(report({ plan: plan({ ahead: 0, behind: 2 }) })))).to.contain(
      "Going back to v2.0.0",
    );
  });

  for (const text of HOSTILE)
    it(`shows text as text: ${JSON.stringify(text)}`, () => {
      const hostile = plan({
        from: { name: text, commit: text, version: text },
        notCompared: "unknown",
        commits: [text],
        breaking: [text],
        required: [{ name: text, isSet: true }],
        changelog: [{ version: text, changes: [text], breaking: [text] }],
        database: {
          applied: 1,
          pending: [
            {
              ...{ version: 2, description: text, checksum: "a", isOutOfOrder: true },
              effects: [{ on: text, what: text, cost: "reads", isDestructive: true }],
            },
          ],
        },
      });
      const page = reportPage(
        report({
          ...{ title: text, server: text, plan: hostile },
          ...{ refusals: [text], warnings: [text], leaving: [text], programs: [text] },
          stations: [{ name: text, commit: text, date: text }],
        }),
      );
      const tags = new Set([...page.matchAll(/<\/?([a-z0-9]+)/g)].map(([, name]) => name));
      for (const tag of ["script", "img", "b"]) expect([...tags]).not.to.include(tag);
      expect(page.match(/<style>/g)).to.have.length(1);
      expect(page).not.to.match(/\p{Cf}|[^\n\P{Cc}]/u);
    });

  it("needs nothing from elsewhere, runs no script, and allows itself nothing but its own style", () => {
    const page = reportPage(report());
    expect(page).not.to.match(/\s(?:src|href)=|url\(|@import/);
    const [, style = ""] = /<style>(.*?)<\/style>/s.exec(page) ?? [];
    const digest = createHash("sha256").update(style).digest("base64");
    const [, policy = ""] = /Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
    expect(policy.replaceAll("&#39;", "'")).to.equal(
      `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`,
    );
  });

  it("can be read by everybody: a language, one heading of the first level, headed tables", () => {
    const page = reportPage(report());
    expect(page).to.contain('<html lang="en">');
    expect(page.match(/<h1>/g)).to.have.length(1);
    expect(page.match(/<th scope="col">/g)).to.have.length(4);
    expect(page).to.contain('<th scope="row">');
    expect(page).to.contain("prefers-color-scheme: dark");
    expect(page).to.contain("width=device-width");
  });
});
