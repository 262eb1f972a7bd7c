import { parseObject, runDocker } from "./docker-host.ts";
import type { ProcessResult } from "./processes.ts";
import type { Failure, ResourceType } from "./resource-type.ts";
import { UNKNOWN } from "../../provider/engine/markers.ts";
import { isRecord, isSame, type Properties } from "./values.ts";

const inputs = ["driver", "driverOpts", "labels", "name"] as const;

/** `docker:index/volume:Volume`. One that is there already is taken over, as the real plugin does. */
export const dockerVolume: ResourceType = {
  inputs,
  replacedBy: inputs,
  check: checkInputs,

  wanted(values) {
    return { ...values, driver: values.driver ?? "local", labels: sortedLabels(values.labels) };
  },

  /** Two volumes can't have the same name at the same time. */
  deletesFirst(values, state) {
    return isSame(values.name, state.name);
  },

  async create(_urn, { values }) {
    const name = String(values.name);
    const driver = typeof values.driver === "string" ? ["--driver", values.driver] : [];
    const options = isRecord(values.driverOpts) ? Object.entries(values.driverOpts) : [];
    await runDocker(`create the volume ${name}`, [
      ...["volume", "create", ...driver],
      ...options.flatMap(([key, value]) => ["--opt", `${key}=${String(value)}`]),
      ...labelsOf(values.labels).flatMap(({ label, value }) => ["--label", `${label}=${value}`]),
      ...["--", name],
    ]);
    const outputs = await inspect(name);
    if (outputs === undefined) throw new Error(`The volume ${name} went away while it was made`);
    return { id: name, outputs };
  },

  read: ({ id }) => inspect(id),

  async delete({ id }) {
    await runDocker(`remove the volume ${id}`, ["volume", "rm", "--", id], isMissing);
  },
};

/** A volume as the daemon has it; undefined when there is none. */
async function inspect(name: string): Promise<Properties | undefined> {
  const what = `read the volume ${name}`;
  const command = ["volume", "inspect", "--format", "{{json .}}", "--", name];
  const result = await runDocker(what, command, isMissing);
  if (result.exitCode !== 0) return undefined;
  const { Name, Driver, Labels, Options, Mountpoint } = parseObject(what, result.stdout);
  const labels = isRecord(Labels)
    ? Object.entries(Labels).map(([label, value]) => ({ label, value }))
    : [];
  return {
    name: Name,
    driver: Driver,
    driverOpts: isRecord(Options) && Object.keys(Options).length > 0 ? Options : null,
    labels: sortedLabels(labels) ?? null,
    mountpoint: Mountpoint,
    cluster: null,
  };
}

function isMissing({ stderr }: ProcessResult): boolean {
  return /no such volume/i.test(stderr);
}

interface Label {
  label: string;
  value: string;
}

function labelsOf(value: unknown): Label[] {
  return Array.isArray(value) ? (value as Label[]) : [];
}

/** Labels are a set: their order is no difference. */
function sortedLabels(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const labels = labelsOf(value);
  return labels.length === 0
    ? undefined
    : [...labels].sort((left, right) => (left.label < right.label ? -1 : 1));
}

function checkInputs({ name, labels, driver, driverOpts }: Properties): Failure[] {
  const failures: Failure[] = [];
  if (name === undefined) {
    failures.push({ property: "name", reason: 'the stand-in makes up no names: set "name"' });
  } else if (name !== UNKNOWN && !isVolumeName(name)) {
    const reason = `"name" can't be a volume's: ${JSON.stringify(name)}`;
    failures.push({ property: "name", reason });
  }
  if (labels !== undefined && labels !== UNKNOWN && !areLabels(labels)) {
    failures.push({ property: "labels", reason: '"labels" must be a list of {label, value}' });
  }
  if (driver !== undefined && typeof driver !== "string") {
    failures.push({ property: "driver", reason: '"driver" must be a text' });
  }
  if (driverOpts !== undefined && driverOpts !== UNKNOWN && !isRecord(driverOpts)) {
    failures.push({ property: "driverOpts", reason: '"driverOpts" must be names and values' });
  }
  return failures;
}

function isVolumeName(value: unknown): boolean {
  return typeof value === "string" && /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(value);
}

function areLabels(value: unknown): boolean {
  const isLabel = (entry: unknown) =>
    entry === UNKNOWN ||
    (isRecord(entry) && typeof entry.label === "string" && typeof entry.value === "string");
  return Array.isArray(value) && value.every(isLabel);
}
