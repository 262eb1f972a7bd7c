import { ComparedStack } from "../stacks/compared-stack.ts";
import { type Scenario, secondsOf } from "../scenario.ts";

const COMMANDS = {
  up: ["up", "--yes", "--non-interactive"],
  preview: ["preview", "--non-interactive"],
} as const;
type Command = keyof typeof COMMANDS;

/** `pulumi up` and `pulumi preview` where nothing is to be done, beside those of smaller programs. */
export const noop: Scenario = {
  name: "noop",
  title: "Nothing to do",
  method:
    "`pulumi up --yes` (with its preview) and `pulumi preview` of a stack that is up to date, beside " +
    "those of an empty program with the same engine, kind of backend and Node. The plugins alone: a " +
    "program with the same two passwords and two volumes, without our provider and without a server.",
  runs: 7,

  async measure(bench, runs) {
    const ours = await bench.ours("v1.0.0");
    const empty = await ComparedStack.empty();
    const plugins = await ComparedStack.plugins();
    try {
      await plugins.run(...COMMANDS.up);
      const samples = {
        ours: { up: [] as number[], preview: [] as number[] },
        plugins: { up: [] as number[], preview: [] as number[] },
        empty: { up: [] as number[], preview: [] as number[] },
      };
      // The first run of each finds nothing in the machine's caches.
      for (let run = 0; run <= runs; run += 1)
        for (const command of ["preview", "up"] as const) {
          const argv = COMMANDS[command];
          const measured = {
            ours: await secondsOf(() => ours.must(...argv)),
            plugins: await secondsOf(() => plugins.run(...argv)),
            empty: await secondsOf(() => empty.run(...argv)),
          };
          if (run === 0) continue;
          for (const of of ["ours", "plugins", "empty"] as const)
            samples[of][command].push(measured[of]);
          const shown = Object.entries(measured).map(([of, s]) => `${of} ${s.toFixed(2)} s`);
          bench.report(`${command} ${run}/${runs}: ${shown.join(", ")}`);
        }
      const baseline = (command: Command) => ({
        name: "empty program",
        samples: samples.empty[command],
      });
      return (["up", "preview"] as const).flatMap((command) => [
        {
          name: `no-op \`pulumi ${command}\``,
          unit: "s" as const,
          ours: samples.ours[command],
          baseline: baseline(command),
          atMost: { ratio: 1.5 },
        },
        {
          name: `the plugins alone, \`pulumi ${command}\``,
          unit: "s" as const,
          ours: samples.plugins[command],
          baseline: baseline(command),
        },
      ]);
    } finally {
      await Promise.all([empty.remove(), plugins.remove()]);
    }
  },
};
