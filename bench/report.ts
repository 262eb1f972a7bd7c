/** The figures as a page and as closing lines. */
import { type Figure, isMet, ratioOf, type Unit } from "./figure.ts";
import { median } from "./statistics.ts";

/** Where and when the figures were measured. */
export interface Circumstances {
  /** Year, month and day. */
  date: string;
  /** One line for each thing: "2 cores". */
  machine: readonly string[];
}

/** What one scenario measured, and how. */
export interface ScenarioResult {
  title: string;
  /** How it was measured, in sentences. */
  method: string;
  figures: readonly Figure[];
}

/** The page docs/figures.md. */
export function renderFigures(
  results: readonly ScenarioResult[],
  { date, machine }: Circumstances,
): string {
  return [
    "# Figures",
    "",
    "Made by `npm run bench`; a run of all scenarios writes this page anew. Figures are medians, the",
    "smallest and the largest sample in brackets. Ours and what it is compared with were measured in",
    "turn, in one run, on one machine; the ratios say more than the seconds.",
    "",
    `Measured on ${date}:`,
    "",
    ...machine.map((line) => `- ${line}`),
    ...results.flatMap(section),
    "",
  ].join("\n");
}

/** One line for each figure with a promise. */
export function verdicts(results: readonly ScenarioResult[]): string[] {
  return results
    .flatMap(({ figures }) => figures)
    .flatMap((figure) => {
      const met = isMet(figure);
      if (met === undefined) return [];
      return [`${met ? "met   " : "MISSED"} ${figure.name}: ${outcome(figure)}, ${bound(figure)}`];
    });
}

/** Whether all promises were kept. */
export function allMet(results: readonly ScenarioResult[]): boolean {
  return results.every(({ figures }) => figures.every((figure) => isMet(figure) !== false));
}

function section({ title, method, figures }: ScenarioResult): string[] {
  const header = ["", "ours", "compared with", "ratio", "promised", "runs"];
  const rows = figures.map((figure) => [
    figure.name,
    summary(figure.ours, figure.unit),
    figure.baseline === undefined
      ? ""
      : `${figure.baseline.name}: ${summary(figure.baseline.samples, figure.unit)}`,
    ratioOf(figure)?.toFixed(2) ?? "",
    promise(figure),
    String(figure.ours.length),
  ]);
  return ["", `## ${title}`, "", method, "", ...table([header, ...rows])];
}

function summary(samples: readonly number[], unit: Unit): string {
  const text = (value: number): string => (unit === "s" ? value.toFixed(2) : String(value));
  const range = `${text(Math.min(...samples))} to ${text(Math.max(...samples))}`;
  return `${text(median(samples))} ${unit} (${range})`;
}

function promise(figure: Figure): string {
  const met = isMet(figure);
  if (met === undefined) return "";
  return `${bound(figure)}: ${met ? "met" : "**missed**"}`;
}

function bound({ atMost }: Figure): string {
  if (atMost === undefined) return "";
  return `at most ${"ratio" in atMost ? `${atMost.ratio} times` : atMost.value}`;
}

function outcome(figure: Figure): string {
  const ratio = ratioOf(figure);
  return ratio === undefined ? summary(figure.ours, figure.unit) : `${ratio.toFixed(2)} times`;
}

/** Padded as the formatter of this repository does it. */
function table(rows: readonly (readonly string[])[]): string[] {
  const [header = []] = rows;
  const widths = header.map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  const [first = [], ...rest] = rows;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...rest.map(line)];
}
