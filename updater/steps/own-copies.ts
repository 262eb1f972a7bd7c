/** The names of databases that a job gives, which have to be its own. */
import { copyNames, nextName, takenNames } from "../kept-databases.ts";
import type { JobContext } from "./step.ts";

/**
 * J1. A copy of that name that is there before would be taken for what the job itself has done, by the step that
 * makes it and by the way back. The number was chosen so that there is none, unless the database was away then.
 */
export async function refuseOthersCopies({ driver, job }: JobContext): Promise<void> {
  const { live, names } = await takenNames(driver.databaseTools);
  // Begun by an attempt that was killed; the others are only made by steps after which J1 is not run again.
  const own = job.hasBegun("J5a") ? nextName(live, job.sequence) : undefined;
  const others = copyNames(live, job.sequence).filter(
    (name) => name !== own && names.includes(name),
  );
  if (others.length > 0)
    throw new Error(
      `there is a database ${others.join(", ")} already, which is not of this job and stays as it is. Try again: ` +
        "the next job takes another number",
    );
}
