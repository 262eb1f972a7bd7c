/** What is wrong with settings together. */
import type * as z from "zod";
import { toMilliseconds } from "../common/duration.ts";
import { volumeNames } from "../common/volume-names.ts";
import { publishedImage } from "../release/published-image.ts";
import type { Problem } from "./problems.ts";
import type { settingsSchema } from "./schema.ts";
import { SECTIONS } from "./sections.ts";

/** The settings as the schema gives them. */
export type Parsed = z.output<typeof settingsSchema>;

/** What is wrong although every value by itself is right. */
export function contradictions(
  raw: Record<string, unknown>,
  env: Record<string, string>,
  secretEnv: Record<string, string>,
): Problem[] {
  const problems: Problem[] = Object.keys(env)
    .filter((name) => Object.hasOwn(secretEnv, name))
    .map((name) => ({
      key: `env.${name}`,
      cause: "this is set under secretEnv as well",
      example: `pulumi config rm --path env.${name}`,
    }));
  const server = raw["server"];
  if (typeof server !== "object" || server === null) return problems;
  const names = Object.keys(server);
  const known = names.filter((name) => name !== "directory" && SECTIONS["server"]?.includes(name));
  if (known.length > 0 && !names.includes("host")) {
    problems.push({
      key: "server.host",
      cause: `is missing: without it ${known.join(", ")} would mean nothing`,
      example: "pulumi config set --path server.host chat.example.org",
    });
  }
  if (names.includes("hostKey") && names.includes("knownHostsFile")) {
    problems.push({
      key: "server.knownHostsFile",
      cause: "expected either hostKey or knownHostsFile",
      example: "pulumi config rm --path server.knownHostsFile",
    });
  }
  return problems;
}

export function healthProblems(health: Parsed["health"]): Problem[] {
  const { timeout, mustStayGoodFor } = health;
  if (toMilliseconds(mustStayGoodFor) < toMilliseconds(timeout)) return [];
  return [
    {
      key: "health.mustStayGoodFor",
      cause: `expected less than health.timeout, which is "${timeout}"`,
      got: { value: mustStayGoodFor },
      example: '"10 seconds"',
    },
  ];
}

/** Installing packages is nothing that the runner does. */
export function accessProblems({ server, prepareServer }: Parsed): Problem[] {
  if (server.access !== "runner" || !prepareServer) return [];
  return [
    {
      key: "prepareServer",
      cause:
        "can't be done through the runner (server.access is runner): whoever installs the runner as root " +
        "installs Docker, too",
      example: "pulumi config rm prepareServer",
    },
  ];
}

/** One volume for both would mix them up; the runner knows its own by their usual names. */
export function volumeProblems({ project, volumes, server }: Parsed): Problem[] {
  const usual = volumeNames(project);
  const { database = usual.database, files = usual.files } = volumes;
  if (database === files)
    return [
      {
        key: "volumes.files",
        cause: "expected another volume than that of the database",
        got: { value: files },
        example: usual.files,
      },
    ];
  const isUsual = database === usual.database && files === usual.files;
  if (isUsual || server.access !== "runner") return [];
  return [
    {
      key: "volumes",
      cause:
        "can't be others than the project's own through the runner (server.access is runner), which lets " +
        "nobody name a volume",
      example: "pulumi config rm volumes",
    },
  ];
}

/** What would be taken for done and never is. */
export function backupProblems({ schedule, copyTo, encryptTo }: Parsed["backup"]): Problem[] {
  const problems: Problem[] = [];
  if (copyTo !== undefined && schedule === undefined)
    problems.push({
      key: "backup.copyTo",
      cause:
        "means nothing without backup.schedule: only backups by the clock are copied by themselves",
      example: 'pulumi config set --path backup.schedule "*-*-* 03:30 Europe/Berlin"',
    });
  if (encryptTo.length > 0 && copyTo === undefined)
    problems.push({
      key: "backup.encryptTo",
      cause: "means nothing without backup.copyTo: only copies are encrypted",
      example: "pulumi config set --path backup.copyTo /mnt/backups",
    });
  return problems;
}

/** Without the job it would be done again by every later change that goes back. */
export function rollbackProblems({
  database,
  job,
  scripts,
  backup,
}: Parsed["rollback"]): Problem[] {
  const problems: Problem[] = [];
  if (database !== "refuse" && job === undefined)
    problems.push({
      key: "rollback.job",
      cause: `is missing: expected the number of the job that brought what serves, which ${database} is to undo`,
      example: "pulumi config set --path rollback.job 12",
    });
  if (database === "undo-scripts" && scripts === undefined)
    problems.push({
      key: "rollback.scripts",
      cause: "is missing: expected the folder with the undo scripts",
      example: "pulumi config set --path rollback.scripts ~/undo",
    });
  if (backup !== undefined && database !== "backup")
    problems.push({
      key: "rollback.backup",
      cause: 'means nothing without rollback.database "backup"',
      got: { value: backup },
      example: "pulumi config set --path rollback.database backup",
    });
  return problems;
}

/** A repository elsewhere has no image whose name could be known. */
export function imageProblems({ image, repository }: Parsed): Problem[] {
  if (image !== "pull" || publishedImage(repository) !== undefined) return [];
  return [
    {
      key: "image",
      cause: "expected the name of an image, since only repositories on GitHub have a known one",
      got: { value: image },
      example: "ghcr.io/us/chatalot",
    },
  ];
}
