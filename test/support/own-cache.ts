import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Gives a suite a cache of its own, where the user's would be, and takes it away afterwards.
 *
 * @returns a place in its folder
 */
export function useOwnCache(): (...parts: string[]) => string {
  const cache = process.env["XDG_CACHE_HOME"];
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "chatalot-deploy-cache-"));
    process.env["XDG_CACHE_HOME"] = folder;
  });
  after(async () => {
    if (cache === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = cache;
    await rm(folder, { recursive: true, force: true });
  });
  return (...parts) => join(folder, ...parts);
}
