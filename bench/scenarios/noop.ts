import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { ensureToolchain } from "../../toolchain/index.ts";
import { type Scenario, secondsOf } from "../scenario.ts";

/** With a package.json of its own: Pulumi runs the `main` of the nearest one. */
const PROGRAM = fileURLToPath(new URL("../empty-program", import.meta.url));
const PROJECT_FILE = fileURLToPath(new URL("../../Pulumi.yaml", import.meta.url));

const UP = ["up", "--yes", "--non-interactive"] as const;
const PREVIEW = ["preview", "--non-interactive"] as const;

/** `pulumi up` and `pulumi preview` where nothing is to be done, beside those of an empty program. */
export const noop: Scenario = {
  name: "noop",
  title: "Nothing to do",
  method:
    "`pulumi up --yes` (with its preview) and `pulumi preview` of a stack that is up to date, beside " +
    "those of an empty program with the same engine, kind of backend and Node.",
  runs: 7,

  async measure(bench, runs) {
    const ours = await bench.ours("v1.0.0");
    const empty = await EmptyStack.make();
    try {
      const samples = { up: [] as number[], preview: [] as number[] };
      const baselines = { up: [] as number[], preview: [] as number[] };
      // The first run of each finds nothing in the machine's caches.
      for (let run = 0; run <= runs; run += 1) {
        const measured = {
          preview: [
            await secondsOf(() => ours.must(...PREVIEW)),
            await secondsOf(() => empty.run(...PREVIEW)),
          ],
          up: [await secondsOf(() => ours.must(...UP)), await secondsOf(() => empty.run(...UP))],
        };
        if (run === 0) continue;
        for (const key of ["up", "preview"] as const) {
          const [own = 0, baseline = 0] = measured[key];
          samples[key].push(own);
          baselines[key].push(baseline);
          bench.report(
            `${key} ${run}/${runs}: ${own.toFixed(2)} s, empty ${baseline.toFixed(2)} s`,
          );
        }
      }
      return (["up", "preview"] as const).map((key) => ({
        name: `no-op \`pulumi ${key}\``,
        unit: "s" as const,
        ours: samples[key],
        baseline: { name: "empty program", samples: baselines[key] },
        atMost: { ratio: 1.5 },
      }));
    } finally {
      await empty.remove();
    }
  },
};

/** A stack of the empty program, in a folder of its own. */
class EmptyStack {
  private constructor(
    private readonly folder: string,
    private readonly environment: Record<string, string>,
  ) {}

  static async make(): Promise<EmptyStack> {
    const { environment } = await ensureToolchain(() => undefined);
    const folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-bench-"));
    // The same loader as ours.
    const { runtime } = parse(await readFile(PROJECT_FILE, "utf8")) as { runtime: unknown };
    await writeFile(
      join(folder, "Pulumi.yaml"),
      stringify({ name: "chatalot-deploy-empty", main: PROGRAM, runtime }),
    );
    const stack = new EmptyStack(folder, {
      ...environment,
      PULUMI_BACKEND_URL: `file://${folder}`,
      PULUMI_CONFIG_PASSPHRASE: "nothing is secret here",
    });
    await stack.run("stack", "init", "empty");
    return stack;
  }

  async run(...argv: readonly string[]): Promise<void> {
    await execa("pulumi", argv, {
      cwd: this.folder,
      env: this.environment,
      stdin: "ignore",
      timeout: 300_000,
    });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
