import type { Driver } from "../drivers/driver.ts";
import type { Job } from "../job.ts";
import type { Ledger } from "../ledger.ts";
import type { InstancePaths } from "../paths.ts";
import type { DatabaseFacts } from "../protocol.ts";
import type { Progress } from "../progress.ts";

/** What a step works with. */
export interface JobContext {
  paths: InstancePaths;
  job: Job;
  ledger: Ledger;
  driver: Driver;
  progress: Progress;
}

/** What a step leaves in the journal for later ones, and for its own undo. */
export type Facts = Record<string, unknown>;

/**
 * One step of a job. It may be run again after a crash in its middle, so it starts by looking at
 * what is there; its undo may meet a step that was only half done.
 */
export interface Step {
  /** The name in journal, progress and errors: `J6`. */
  id: string;
  /** What is done, for the operator to read. */
  title: string;
  /** From this step on the running service is touched, so a failure has to be undone. */
  touchesService?: boolean;
  /** Where it answers false the step is left out. Default: it never is. */
  isNeeded?(context: JobContext): boolean;
  run(context: JobContext): Promise<Facts | void>;
  undo?: Undo;
}

/** How a step is taken back. Throwing means: not yet, try again. */
export interface Undo {
  /** The name in journal and progress: `R3`. */
  id: string;
  title: string;
  run(context: JobContext): Promise<Facts | void>;
}

/** An undo that trying again can't help: a person has to decide. */
export class HopelessError extends Error {
  override readonly name = "HopelessError";
}

/** The live database, where it has to answer. */
export async function answeringDatabase(driver: Pick<Driver, "database">): Promise<DatabaseFacts> {
  const found = await driver.database();
  if (found === undefined) throw new Error("the database does not answer");
  return found;
}

/** The release of the job's plan; a job without one has no steps that ask for it. */
export function wantedRelease({ job }: JobContext) {
  const { release } = job.plan;
  if (release === undefined) throw new Error(`job ${job.sequence} has no release`);
  return release;
}

/** The target of a switch. */
export function switchTarget({ job }: JobContext) {
  const { target } = job.plan;
  if (target === undefined) throw new Error(`job ${job.sequence} has no target`);
  return target;
}
