/** A migration as a release brings it. */
export interface Migration {
  /** The number in front of the file's name. */
  version: number;
  /** The rest of the file's name with spaces for underscores, as sqlx records it. */
  description: string;
  /** The file's name: `049_reactions.sql`. */
  file: string;
  /** SHA-384 of the file's bytes in hex, as sqlx records it. */
  checksum: string;
}

/** A migration as the database has recorded it in `_sqlx_migrations`. */
export interface AppliedMigration {
  version: number;
  description: string;
  /** SHA-384 in hex. */
  checksum: string;
}

/** How a release's migrations stand to a database. */
export interface MigrationComparison {
  /** In the release, not applied yet: these run at the release's first start. */
  pending: Migration[];
  /** Applied, but not in the release: the release would refuse to start. */
  missing: AppliedMigration[];
  /** Applied with another content than the release has: the release would refuse to start. */
  edited: { applied: AppliedMigration; release: Migration }[];
  /**
   * Pending, but numbered below the newest applied one. sqlx does run them, after newer ones:
   * an order in which nobody tried them.
   */
  outOfOrder: Migration[];
}

/** Compares what a database has with what a release brings; all lists are sorted by version. */
export function compareMigrations(
  applied: readonly AppliedMigration[],
  release: readonly Migration[],
): MigrationComparison {
  const inRelease = new Map(release.map((migration) => [migration.version, migration]));
  const inDatabase = new Set(applied.map(({ version }) => version));
  const newest = Math.max(...inDatabase);
  const pending = sorted(release.filter(({ version }) => !inDatabase.has(version)));
  return {
    pending,
    missing: sorted(applied.filter(({ version }) => !inRelease.has(version))),
    edited: sorted(applied).flatMap((migration) => {
      const own = inRelease.get(migration.version);
      const isSame = own?.checksum.toLowerCase() === migration.checksum.toLowerCase();
      return own === undefined || isSame ? [] : [{ applied: migration, release: own }];
    }),
    outOfOrder: pending.filter(({ version }) => version < newest),
  };
}

function sorted<T extends { version: number }>(migrations: readonly T[]): T[] {
  return [...migrations].sort((a, b) => a.version - b.version);
}
