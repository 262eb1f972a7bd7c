/** Docker's names of the volumes with users' data, in this order wherever they are listed. */
export type VolumeNames = Record<"database" | "files", string>;

/** As upstream's compose file makes them. */
export function volumeNames(project: string): VolumeNames {
  return { database: `${project}_postgres_data`, files: `${project}_file_storage` };
}
