/** Docker's names of the volumes with users' data, as upstream's compose file makes them. */
export function volumeNames(project: string): { database: string; files: string } {
  return { database: `${project}_postgres_data`, files: `${project}_file_storage` };
}
