/**
 * Sets up everything and runs the tests: unit, the program with Pulumi's mocks (a process of its
 * own, because mocks are global), and the real engine against a real server.
 *
 * Arguments name the levels to run; without any, all of them but the nightly one, whose tests run on
 * the same server and take long.
 */
import { execa } from "execa";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../common/errors.ts";
import { destroyServer } from "../demo/server/index.ts";
import { serversOfTheTests } from "./support/server-names.ts";
import { ensureSshd } from "./transport/sshd-program.ts";
import { ensureDocker, ensureToolchain } from "../toolchain/index.ts";

const USUAL_LEVELS = ["unit", "program", "server"] as const;
const LEVELS = [...USUAL_LEVELS, "nightly"] as const;
type Level = (typeof LEVELS)[number];

const LEVELS_ON_A_SERVER: readonly Level[] = ["server", "nightly"];

/** Far above the real length; a hung level must not hold up the run for ever. */
const LEVEL_TIMEOUT = 75 * 60_000;

interface Failure {
  title: string;
  cause: string;
}

interface Counts {
  passes: number;
  failures: number;
  pending: number;
  failed: readonly Failure[];
}

/** The last lines of a cause say least; the report of its level has it whole. */
const LINES_OF_A_CAUSE = 12;

async function main(): Promise<boolean> {
  const levels = chosenLevels(process.argv.slice(2));
  const report = (line: string): void => console.log(line);
  const began = Date.now();
  await ensureToolchain(report);
  const needsServer = levels.some((level) => LEVELS_ON_A_SERVER.includes(level));
  if (needsServer) await ensureDocker(report);
  if (levels.includes("unit")) await ensureSshd();
  report(`set up in ${seconds(began)}`);

  const work = await mkdtemp(join(tmpdir(), "chatalot-deploy-tests-"));
  const total = { passes: 0, failures: 0, pending: 0 };
  const failed: string[] = [];
  try {
    for (const level of levels) {
      const start = Date.now();
      const counts = await runLevel(level, join(work, level));
      total.passes += counts.passes;
      total.failures += counts.failures;
      total.pending += counts.pending;
      failed.push(...counts.failed.map((failure) => told(level, failure)));
      report(`${level}: ${counts.passes} passed, ${counts.failures} failed in ${seconds(start)}\n`);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
    // On a machine of CI nothing may be left; at a desk the next run starts faster with it.
    if (process.env.CI === "true" && needsServer)
      await Promise.all(serversOfTheTests().map(destroyServer));
  }
  for (const failure of failed) report(failure);
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

/** A level that ends without its counts (a crash, a syntax error) counts as one failure. */
async function runLevel(level: Level, countsFile: string): Promise<Counts> {
  const result = await execa("npx", ["mocha", "--config", `test/${level}.mocharc.json`], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { CHATALOT_DEPLOY_TEST_COUNTS: countsFile },
    preferLocal: true,
    reject: false,
    timeout: LEVEL_TIMEOUT,
  });
  const written = await readFile(countsFile, "utf8").catch(() => "");
  const [line] = written.split("\n");
  const crash = {
    title: "the level's own process",
    cause: `ended with ${result.exitCode ?? result.signal ?? "no exit code"}`,
  };
  if (line === undefined || line === "")
    return { passes: 0, failures: 1, pending: 0, failed: [crash] };
  const counts = JSON.parse(line) as Counts;
  const crashed = result.exitCode !== 0 && counts.failures === 0;
  return crashed ? { ...counts, failures: 1, failed: [crash] } : counts;
}

function told(level: Level, { title, cause }: Failure): string {
  const lines = cause.split("\n").slice(0, LINES_OF_A_CAUSE);
  return [`failed in ${level}: ${title}`, ...lines.map((line) => `    ${line}`)].join("\n");
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
