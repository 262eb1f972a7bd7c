/** The look of the page: two colour schemes, narrow and wide, on a screen and on paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1c2430; --soft: #5a6675; --line: #dde2e9;
  --good: #17754a; --good-soft: #e2f4ea; --bad: #b3261e; --bad-soft: #fdecea;
  --away: #a85b00; --away-soft: #fdf0dd; --accent: #2b5fc7; --accent-soft: #e6eefc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1b2129; --ink: #e7ecf3; --soft: #9eabba; --line: #303945;
    --good: #6fd6a2; --good-soft: #16352a; --bad: #ff9d94; --bad-soft: #43201d;
    --away: #f3b660; --away-soft: #3d2c12; --accent: #8fb4ff; --accent-soft: #1d2c4a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere;
}
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
header p, footer, .soft, td .soft { color: var(--soft); }
h1 { margin: 0 0 .25rem; font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; }
h2 { margin: 0 0 .75rem; font-size: 1.15rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.1rem 1.25rem; margin-top: 1rem; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
ul { margin: .25rem 0; padding-left: 1.25rem; }
.verdict { font-weight: 600; border-radius: .75rem; padding: .9rem 1.25rem; margin-top: 1rem; }
.verdict p { margin: .35rem 0 0; font-weight: 400; }
.verdict.good { background: var(--good-soft); color: var(--good); }
.verdict.away { background: var(--away-soft); color: var(--away); }
.verdict.bad { background: var(--bad-soft); color: var(--bad); }
.facts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .75rem; padding: 0; margin: 1rem 0 0; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: .75rem 1rem; }
.facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; }
.line { display: flex; flex-wrap: wrap; list-style: none; margin: 0; padding: 0; row-gap: 1rem; }
.line li { flex: 1 1 7.5rem; min-width: 0; position: relative; padding: 1.4rem .75rem 0 0; }
.line li::before { content: ""; position: absolute; top: .35rem; left: 0; right: 0; height: 3px; background: var(--line); }
.line li::after { content: ""; position: absolute; top: 0; left: 0; width: .8rem; height: .8rem; border-radius: 50%; background: var(--soft); border: 3px solid var(--card); }
.line li.now::after { background: var(--good); }
.line li.next::after { background: var(--accent); }
.line li.next::before { right: auto; width: .8rem; }
.line strong { display: block; }
.steps { list-style: none; margin: 0; padding: 0; }
.steps li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1rem; padding: .6rem 0 .6rem .9rem; border-left: 4px solid var(--good); }
.steps li.away { border-left-color: var(--away); background: var(--away-soft); padding-right: .9rem; }
.steps p { grid-column: 1 / -1; margin: .1rem 0 0; color: var(--soft); font-size: .92rem; }
.steps .duration { color: var(--soft); text-align: right; }
.tag { display: inline-block; border-radius: 1rem; padding: .05rem .6rem; font-size: .8rem; font-weight: 600; background: var(--accent-soft); color: var(--accent); }
.tag.away { background: var(--away-soft); color: var(--away); }
.tag.bad { background: var(--bad-soft); color: var(--bad); }
.tag.good { background: var(--good-soft); color: var(--good); }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-size: .85rem; font-weight: 600; }
@media (max-width: 40rem) {
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  main { padding-top: 1.25rem; }
  section { padding: 1rem; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table, tbody, tr, td, tbody th { display: block; }
  tbody tr { border-top: 1px solid var(--line); padding: .5rem 0; }
  td, tbody th { border: 0; padding: .1rem 0; }
}
@media print {
  body { background: none; font-size: 11pt; }
  section, .facts div { break-inside: avoid; }
}
`;
