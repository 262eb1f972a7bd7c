import { randomBytes } from "node:crypto";
import { logLine } from "../../provider/engine/log.ts";
import { runProcess } from "./processes.ts";
import type { Failure, Made, ResourceType } from "./resource-type.ts";
import { hasUnknown, isRecord, type Decoded, type Properties } from "./values.ts";

const defaultInterpreter = ["/bin/sh", "-c"];

const inputs = [
  "addPreviousOutputInEnv",
  "create",
  "delete",
  "dir",
  "environment",
  "interpreter",
  "logging",
  "stdin",
  "triggers",
  "update",
] as const;

/** `command:local:Command`: commands that run on this machine when the resource changes. */
export const localCommand: ResourceType = {
  inputs,
  replacedBy: ["triggers"],
  check: checkInputs,

  async create(urn, desired) {
    const made = await runAndKeep(urn, desired.values.create, desired, {});
    return { id: `${nameOf(urn)}${randomBytes(4).toString("hex")}`, ...made };
  },

  async update({ urn, state }, desired) {
    const command = desired.values.update ?? desired.values.create;
    return runAndKeep(urn, command, desired, state.values);
  },

  async delete({ urn, state }) {
    await runAndKeep(urn, state.values.delete, state, state.values);
  },
};

/** Runs one of the commands. The outputs are the inputs and what the command printed. */
async function runAndKeep(
  urn: string,
  command: unknown,
  desired: Decoded,
  previous: Properties,
): Promise<Omit<Made, "id">> {
  const { values } = desired;
  const output =
    typeof command === "string"
      ? await run(urn, command, values, previous)
      : { stdout: "", stderr: "" };
  return {
    outputs: { ...values, ...output },
    // What a command prints may be made of any of its inputs.
    secrets: desired.secrets.size > 0 ? ["stdout", "stderr"] : [],
  };
}

async function run(
  urn: string,
  command: string,
  values: Properties,
  previous: Properties,
): Promise<{ stdout: string; stderr: string }> {
  const interpreter = (values.interpreter as string[] | undefined) ?? defaultInterpreter;
  const logging = values.logging ?? "stdoutAndStderr";
  const result = await runProcess([...interpreter, command], {
    environment: { ...previousOutput(values, previous), ...texts(values.environment) },
    ...(typeof values.stdin === "string" ? { stdin: values.stdin } : {}),
    ...(typeof values.dir === "string" ? { directory: values.dir } : {}),
    onLine: (stream, line) => {
      if (logging === stream || logging === "stdoutAndStderr") logLine(urn, line);
    },
  });
  if (result.exitCode !== 0) {
    const end = result.exitCode === undefined ? "a signal" : `exit status ${result.exitCode}`;
    throw new Error(
      `${end}: running ${JSON.stringify(command)}:\n${result.stdout}${result.stderr}`,
    );
  }
  return { stdout: withoutNewline(result.stdout), stderr: withoutNewline(result.stderr) };
}

/** What the last command printed, for the next one. */
function previousOutput(values: Properties, previous: Properties): Record<string, string> {
  if (values.addPreviousOutputInEnv === false) return {};
  return texts({
    PULUMI_COMMAND_STDOUT: previous.stdout,
    PULUMI_COMMAND_STDERR: previous.stderr,
  });
}

function texts(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  const set = Object.entries(value).filter(([, text]) => text !== undefined && text !== null);
  return Object.fromEntries(set.map(([key, text]) => [key, String(text)]));
}

function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}

/** The name in `urn:pulumi:stack::project::type::name`. */
function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

const loggings = ["stdout", "stderr", "stdoutAndStderr", "none"];

function checkInputs(values: Properties): Failure[] {
  const failures: Failure[] = [];
  const expect = (property: string, isRight: (value: unknown) => boolean, what: string) => {
    const value = values[property];
    if (value === undefined || hasUnknown(value) || isRight(value)) return;
    failures.push({ property, reason: `"${property}" must be ${what}` });
  };
  const isText = (value: unknown) => typeof value === "string";
  for (const property of ["create", "update", "delete", "dir", "stdin"]) {
    expect(property, isText, "a text");
  }
  expect("environment", isRecord, "names and values");
  const isList = (value: unknown) =>
    Array.isArray(value) && value.length > 0 && value.every(isText);
  expect("interpreter", isList, "a list of texts");
  const isLogging = (value: unknown) => loggings.includes(String(value));
  expect("logging", isLogging, `one of ${loggings.join(", ")}`);
  return failures;
}
