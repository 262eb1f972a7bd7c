/** What can be given back to the disk without harm, by what Docker and the database say. */
import { command } from "../../command.ts";
import type { DiskUse } from "../../freeable.ts";
import { docker } from "./docker.ts";
import { findDatabase, query } from "./data/psql.ts";

/** The database's copies that this tool made, with their sizes. */
const COPIES = `
SELECT coalesce(json_agg(json_build_object('name', datname, 'bytes', pg_database_size(oid))), '[]')
FROM pg_database WHERE datname ~ ('^' || current_database() || '_(before|failed|left)_[0-9]+$')`;

const UNITS: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** "1.234GB", as `docker system df` writes sizes, in bytes; undefined for anything else. */
export function dockerBytes(text: string): number | undefined {
  const [, number = "", unit = ""] = /^([\d.]+)\s*([kKMGT]?B)/.exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  return factor === undefined ? undefined : Math.round(Number(number) * factor);
}

export async function reclaimable(project: string): Promise<DiskUse[]> {
  // Each is worth knowing without the others: the disk is nearly full, so any of them may fail.
  const found = await Promise.all([buildCache().catch(() => []), copies(project).catch(() => [])]);
  return found.flat();
}

async function buildCache(): Promise<DiskUse[]> {
  const lines = await docker("ask what Docker uses of the disk", [
    ...["system", "df", "--format", "{{.Type}}\t{{.Reclaimable}}"],
  ]);
  const line = lines.split("\n").find((entry) => entry.startsWith("Build Cache\t"));
  const bytes = dockerBytes(line?.split("\t")[1] ?? "") ?? 0;
  return [
    {
      what: "Docker's build cache; the next build takes longer without it",
      bytes,
      command: "docker builder prune --force",
    },
  ];
}

async function copies(project: string): Promise<DiskUse[]> {
  const container = await findDatabase(project);
  if (container === undefined) return [];
  const json = await query(container, "measure the copies of the database", COPIES);
  const name = await command("ask for the database's container", [
    ...["docker", "inspect", "--format", "{{.Name}}", container.id],
  ]);
  return (JSON.parse(json) as { name: string; bytes: number }[]).map((copy) => ({
    what: describeCopy(copy.name, container.database),
    bytes: copy.bytes,
    command: `docker exec ${name.replace(/^\//, "")} dropdb -U ${container.user} ${copy.name}`,
  }));
}

function describeCopy(name: string, live: string): string {
  if (name.startsWith(`${live}_failed_`)) return `the database ${name}, which a failed update left`;
  if (name.startsWith(`${live}_left_`))
    return `the database ${name}, which a rollback left: what was written until then is in it alone`;
  return `the database ${name}, from before an update: no way back to it without a backup then`;
}
