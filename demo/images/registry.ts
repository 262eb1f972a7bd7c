import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import type { Report } from "../commands.ts";
import { imageCacheDirectory, imageId } from "./store.ts";

/** A registry that answers at all answers within this time. */
const FIRST_LINE_WITHIN = 15_000;
/** A pull that writes nothing for this long has stopped. */
const NEXT_LINE_WITHIN = 120_000;
/** How long a failed pull is remembered, so that not every start waits for it again. */
const REMEMBER_FAILURE = 6 * 3_600_000;

/**
 * Pulls an image unless the docker daemon has it, and says whether it is there now. A registry that
 * could not be reached is left alone for some hours.
 */
export async function pull(reference: string, report: Report): Promise<boolean> {
  if ((await imageId(reference)) !== undefined) return true;
  if (await failedRecently()) return false;
  report(`pulling ${reference}`);
  if (await pulled(reference)) return true;
  report(`${reference} cannot be pulled here`);
  await mkdir(imageCacheDirectory(), { recursive: true });
  await writeFile(
    failureFile(),
    `${reference} could not be pulled; delete this file to try again\n`,
  );
  return false;
}

/** Lets the next start try to pull again, whatever failed. */
export async function forgetFailure(): Promise<void> {
  await rm(failureFile(), { force: true });
}

async function pulled(reference: string): Promise<boolean> {
  const pulling = execa("docker", ["pull", reference], {
    reject: false,
    stdin: "ignore",
    all: true,
    timeout: 1_800_000,
  });
  let timer = setTimeout(() => pulling.kill(), FIRST_LINE_WITHIN);
  createInterface({ input: pulling.all }).on("line", () => {
    clearTimeout(timer);
    timer = setTimeout(() => pulling.kill(), NEXT_LINE_WITHIN);
  });
  const result = await pulling;
  clearTimeout(timer);
  return result.exitCode === 0;
}

async function failedRecently(): Promise<boolean> {
  const found = await stat(failureFile()).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < REMEMBER_FAILURE;
}

function failureFile(): string {
  return join(imageCacheDirectory(), "registry-out-of-reach");
}
