/** What a backup and what follows it take of the disks, in bytes. */
export interface BackupSpace {
  backup: number;
  /** The proof's own copy of the database, while it lasts. */
  proof: number;
  /** The revert point, or what takes the live database's place. */
  revertPoint: number;
}

/**
 * @param size of the database, in bytes
 * @param share how much of that a dump has
 * @param changes how much will be done to the database; 0: nothing
 */
export function backupSpace(size: number, share: number, changes: number): BackupSpace {
  return {
    backup: Math.ceil(size * share),
    proof: size * 1.2,
    revertPoint: changes > 0 ? size : 0,
  };
}
