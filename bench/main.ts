// Measures what the promises are about, and writes docs/figures.md: `npm run bench`.
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { UserError } from "../common/errors.ts";
import { bootServer } from "../demo/server/index.ts";
import { sampleRepository } from "../test/server/support/fixture.ts";
import { ensureDocker, ensureToolchain } from "../toolchain/index.ts";
import { Bench } from "./bench.ts";
import { machineOf } from "./machine.ts";
import { parseOptions } from "./options.ts";
import { allMet, renderFigures, type ScenarioResult, verdicts } from "./report.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const PAGE = fileURLToPath(new URL("../docs/figures.md", import.meta.url));

const startedAt = Date.now();

async function main(): Promise<boolean> {
  const { only, runs, check } = parseOptions(
    process.argv.slice(2),
    SCENARIOS.map(({ name }) => name),
  );
  await ensureDocker(report);
  const toolchain = await ensureToolchain(report);
  const server = await bootServer({ name: "bench", report });
  const bench = new Bench(server, await sampleRepository(), report);
  await bench.beginAnew();
  const results: ScenarioResult[] = [];
  try {
    for (const scenario of SCENARIOS.filter(({ name }) => only.includes(name))) {
      report(`${scenario.name}: ${scenario.title}`);
      const figures = await scenario.measure(bench, runs ?? scenario.runs);
      results.push({ title: scenario.title, method: scenario.method, figures });
    }
  } finally {
    await bench.end();
  }
  const page = renderFigures(results, {
    date: new Date().toISOString().slice(0, 10),
    machine: await machineOf(server, toolchain),
  });
  console.log(`\n${page}`);
  if (only.length === SCENARIOS.length) {
    await writeFile(PAGE, page);
    console.log("Written to docs/figures.md.");
  } else console.log("docs/figures.md is written by a run of all scenarios only.");
  for (const line of verdicts(results)) console.log(line);
  return !check || allMet(results);
}

function report(line: string): void {
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(`[${String(seconds).padStart(4)} s] ${line}`);
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
