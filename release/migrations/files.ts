import { createHash } from "node:crypto";
import { UserError } from "../../common/errors.ts";
import { printableLine } from "../printable.ts";
import type { Migration } from "../compare.ts";

/** A file of a release with its bytes. */
export interface FileContent {
  path: string;
  isLink: boolean;
  content: Buffer;
}

/** The folder of the migrations in a release's tree. */
export const MIGRATIONS_FOLDER = "migrations";

/** With a control or formatting character, or with bytes that are no UTF-8. */
const UNREADABLE_NAME = /^migrations\/[^/]*[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd][^/]*$/u;

/**
 * The migrations of a release by the rules of sqlx: `<number>_<name>.sql`, spaces in the description
 * for underscores, SHA-384 over the bytes. Reverse scripts (`.down.sql`) are left out.
 *
 * @throws UserError where two migrations have the same number, a number is too large, or a name can't be
 * shown: the server's sqlx would apply it, and nobody could be told
 */
export function readMigrations(files: readonly FileContent[]): Migration[] {
  const unreadable = files.filter(({ path }) => UNREADABLE_NAME.test(path)).map(({ path }) => path);
  const migrations = files.flatMap((file) => readMigration(file) ?? []);
  migrations.sort((a, b) => a.version - b.version || (a.file < b.file ? -1 : 1));
  const problems = migrations.flatMap((migration, at) => {
    const next = migrations[at + 1];
    if (next?.version === migration.version)
      return [
        `${printableLine(migration.file)} and ${printableLine(next.file)} have the same number`,
      ];
    return Number.isSafeInteger(migration.version)
      ? []
      : [`${printableLine(migration.file)} has too large a number`];
  });
  problems.push(
    ...unreadable.map((path) => `${printableLine(path)} has a character that no name should have`),
  );
  if (problems.length > 0) {
    throw new UserError(
      `The release's migrations can't be used: ${problems.join("; ")}. Choose another release.`,
    );
  }
  return migrations;
}

function readMigration({ path, isLink, content }: FileContent): Migration | undefined {
  const [folder, file, ...deeper] = path.split("/");
  const match = /^(\d+)_(.+)$/.exec(file ?? "");
  const [, number, rest] = match ?? [];
  // sqlx reads this folder only, not those below it.
  if (folder !== MIGRATIONS_FOLDER || deeper.length > 0 || isLink) return undefined;
  if (file === undefined || number === undefined || rest === undefined) return undefined;
  if (!rest.endsWith(".sql") || rest.endsWith(".down.sql")) return undefined;
  return {
    version: Number(number),
    description: rest.replace(/(?:\.up)?\.sql$/, "").replaceAll("_", " "),
    file,
    checksum: createHash("sha384").update(content).digest("hex"),
  };
}
