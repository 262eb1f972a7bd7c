/** The example of a repository that holds the stack file: its workflows, as the forge would read them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import * as z from "zod";

export const example = fileURLToPath(new URL("../../../examples/gitops", import.meta.url));

export const WORKFLOWS = ["preview", "up", "updates"] as const;
export type WorkflowName = (typeof WORKFLOWS)[number];

const texts = z.record(z.string(), z.string());
const name = { name: z.string() };
const runStep = z.strictObject({
  ...{ ...name, id: z.string().optional(), if: z.string().optional() },
  ...{ run: z.string(), env: texts.optional(), shell: z.literal("bash").optional() },
});
const ownAction = z.strictObject({
  ...{ ...name, if: z.string().optional(), with: texts },
  uses: z.literal("./.github/actions/chatalot"),
});
const access = z.enum(["read", "write"]);
const input = z.strictObject({
  description: z.string(),
  type: z.enum(["string", "boolean"]),
  required: z.boolean().optional(),
  default: z.boolean().optional(),
});
const changes = z.strictObject({ branches: z.array(z.string()), paths: z.array(z.string()) });

/** What these workflows may have; what isn't here isn't checked below, and so not allowed. */
export const workflowSchema = z.strictObject({
  ...name,
  on: z.strictObject({
    pull_request: changes.optional(),
    push: changes.optional(),
    schedule: z.array(z.strictObject({ cron: z.string() })).optional(),
    workflow_dispatch: z
      .strictObject({ inputs: z.record(z.string(), input) })
      .nullable()
      .optional(),
  }),
  permissions: z.record(z.string(), access),
  concurrency: z.strictObject({ group: z.string(), "cancel-in-progress": z.boolean() }),
  defaults: z.strictObject({ run: z.strictObject({ shell: z.literal("bash") }) }),
  env: texts,
  jobs: z.record(
    z.string(),
    z.strictObject({
      if: z.string(),
      "runs-on": z.literal("ubuntu-24.04"),
      "timeout-minutes": z.int().positive(),
      environment: z.string(),
      steps: z.array(z.union([runStep, ownAction])).min(1),
    }),
  ),
});

export const actionSchema = z.strictObject({
  ...{ ...name, description: z.string() },
  inputs: z.record(
    z.string(),
    z.strictObject({
      ...{ description: z.string(), required: z.boolean() },
      default: z.string().optional(),
    }),
  ),
  runs: z.strictObject({
    using: z.literal("composite"),
    steps: z.array(z.strictObject({ ...runStep.shape, shell: z.literal("bash") })).min(1),
  }),
});

export type Workflow = z.output<typeof workflowSchema>;
export type RunStep = z.output<typeof runStep>;

export function workflow(of: WorkflowName): Workflow {
  return workflowSchema.parse(parseFile(`.github/workflows/${of}.yml`));
}

export function action(): z.output<typeof actionSchema> {
  return actionSchema.parse(parseFile(".github/actions/chatalot/action.yml"));
}

/** Every step with a script, with where it stands. */
export function scripts(): { where: string; step: RunStep }[] {
  const ofWorkflows = WORKFLOWS.flatMap((of) =>
    Object.values(workflow(of).jobs).flatMap(({ steps }) =>
      steps.filter((step) => "run" in step).map((step) => ({ where: `${of}.yml`, step })),
    ),
  );
  return [...ofWorkflows, ...action().runs.steps.map((step) => ({ where: "action.yml", step }))];
}

/** @param where the file without its folder @param called the step's name */
export function script(where: string, called: string): RunStep {
  const found = scripts().find((entry) => entry.where === where && entry.step.name === called);
  if (found === undefined) throw new Error(`${where} has no step "${called}"`);
  return found.step;
}

function parseFile(path: string): unknown {
  return parse(readFileSync(join(example, path), "utf8"), { uniqueKeys: true });
}
