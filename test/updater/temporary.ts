import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An empty folder for each test of the suite that calls this, gone after the test. */
export function useTemporaryDirectory(): (...parts: string[]) => string {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "chatalot-deploy-updater-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  });
  return (...parts) => join(directory, ...parts);
}

/** What a call throws, which must be an Error. */
export async function errorOf(action: () => Promise<unknown>): Promise<Error> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`it threw ${String(error)}, which is no Error`, { cause: error });
  }
  throw new Error("it did not throw");
}
