/**
 * Sets up everything and runs the tests: unit, the program with Pulumi's mocks (a process of its
 * own, because mocks are global), and the real engine against a real server.
 *
 * Arguments name the levels to run; without any, all of them but the nightly one, which has all tests on a
 * server with those that take too long for each day (test/server/support/at-night.ts, `*.nightly.test.ts`).
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../common/errors.ts";
import { bootServer, destroyServer } from "../demo/server/index.ts";
import { type Failure, type LevelResult, resultOf } from "./support/level-result.ts";
import { runInGroup } from "./support/process-group.ts";
import { serversOfTheTests, serversOfTheWorkers } from "./support/server-names.ts";
import { runOnServers } from "./support/server-run.ts";
import { ensureSshd } from "./transport/sshd-program.ts";
import { ensureDocker, ensureToolchain } from "../toolchain/index.ts";

const USUAL_LEVELS = ["unit", "program", "server"] as const;
const LEVELS = [...USUAL_LEVELS, "nightly"] as const;
type Level = (typeof LEVELS)[number];

const LEVELS_ON_A_SERVER: readonly Level[] = ["server", "nightly"];

/** Above the real length; a hung level must not hold up the run for ever. */
const LEVEL_MINUTES: Record<Level, number> = {
  unit: 30,
  program: 10,
  server: 75,
  nightly: 10 * 60,
};

/** What ends a run: the level that runs is ended, and what is known of it is told. */
const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The last lines of a cause say least; the report of its level has it whole. */
const LINES_OF_A_CAUSE = 12;

/** The levels that were run, with what they came to. */
const results = new Map<Level, LevelResult>();
let isInterrupted = false;

async function main(): Promise<boolean> {
  const levels = chosenLevels(process.argv.slice(2));
  const onServers = levels.filter((level) => LEVELS_ON_A_SERVER.includes(level));
  const began = Date.now();
  await ensureToolchain(report);
  if (onServers.length > 0) await ensureDocker(report);
  if (levels.includes("unit")) await ensureSshd();
  report(`set up in ${seconds(began)}`);

  const total = { passes: 0, failures: 0, pending: 0 };
  try {
    await runAll(levels.filter((level) => !onServers.includes(level)));
    if (onServers.length > 0 && !isInterrupted)
      await runOnServers({
        levels: () =>
          bootServers()
            .then(() => runAll(onServers))
            .finally(removeServersOfCi),
        destroy: destroyServer,
        report,
      });
  } finally {
    for (const [level, result] of results) {
      total.passes += result.passes;
      total.failures += result.failures;
      total.pending += result.pending;
      for (const failure of result.failed) report(told(level, failure));
    }
  }
  const skipped = total.pending === 0 ? "" : `, ${total.pending} skipped`;
  report(`${total.passes} passed, ${total.failures} failed${skipped}`);
  return total.failures === 0 && total.passes > 0;
}

function chosenLevels(names: string[]): readonly Level[] {
  if (names.length === 0) return USUAL_LEVELS;
  const unknown = names.filter((name) => !LEVELS.some((level) => level === name));
  if (unknown.length > 0)
    throw new Error(
      `no such level of tests: ${unknown.join(", ")}. There are: ${LEVELS.join(", ")}.`,
    );
  return LEVELS.filter((level) => names.includes(level));
}

/** Runs levels until the run is interrupted. Says whether all of their tests were run. */
async function runAll(levels: readonly Level[]): Promise<boolean> {
  for (const level of levels) {
    if (isInterrupted) return false;
    const start = Date.now();
    const result = await runLevel(level);
    results.set(level, result);
    report(`${level}: ${result.passes} passed, ${result.failures} failed in ${seconds(start)}\n`);
  }
  return levels.every((level) => results.get(level)?.isWhole === true);
}

async function runLevel(level: Level): Promise<LevelResult> {
  const work = await mkdtemp(join(tmpdir(), "chatalot-deploy-tests-"));
  const file = join(work, "counts");
  const stop = new AbortController();
  const tooLong = (): void => stop.abort(`its time limit of ${LEVEL_MINUTES[level]} min`);
  const timer = setTimeout(tooLong, LEVEL_MINUTES[level] * 60_000);
  const interrupt = (signal: string): void => {
    isInterrupted = true;
    stop.abort(signal);
  };
  for (const signal of INTERRUPTIONS) process.on(signal, interrupt);
  try {
    const mocha = ["npx", "mocha", "--config", `test/${level}.mocharc.json`] as const;
    const environment = {
      CHATALOT_DEPLOY_TEST_COUNTS: file,
      CHATALOT_DEPLOY_TEST_NIGHT: level === "nightly" ? "1" : "0",
    };
    const end = await runInGroup(mocha, environment, stop.signal);
    return resultOf(await readFile(file, "utf8").catch(() => ""), end);
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, interrupt);
    clearTimeout(timer);
    await rm(work, { recursive: true, force: true });
  }
}

/** Making their images may take longer than any test should: here nothing but their own limits counts. */
async function bootServers(): Promise<void> {
  const start = Date.now();
  for (const name of serversOfTheWorkers()) await bootServer({ name, report });
  report(`servers booted in ${seconds(start)}`);
}

/** On a machine of CI nothing may be left; at a desk the next run starts faster with it. */
async function removeServersOfCi(): Promise<void> {
  if (process.env.CI === "true") await Promise.all(serversOfTheTests().map(destroyServer));
}

function told(level: Level, { title, cause }: Failure): string {
  const lines = cause.split("\n").slice(0, LINES_OF_A_CAUSE);
  return [`failed in ${level}: ${title}`, ...lines.map((line) => `    ${line}`)].join("\n");
}

function report(line: string): void {
  console.log(line);
}

function seconds(since: number): string {
  return `${Math.round((Date.now() - since) / 1_000)} s`;
}

main().then(
  (passed) => process.exit(passed ? 0 : 1),
  (error: unknown) => {
    console.error(messageOf(error));
    process.exit(1);
  },
);
