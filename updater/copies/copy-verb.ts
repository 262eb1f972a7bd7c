/** The verb `copy-backups`: what the clock does after each backup, at a person's word. */
import { messageOf } from "../../common/errors.ts";
import { readInstance } from "../instance.ts";
import { instancePaths } from "../paths.ts";
import { copyOrder } from "../schedule/schedule.ts";
import { noInstance } from "../submit.ts";
import { copyBackups, readCopies } from "./copies.ts";
import type { CopyAnswer, CopyRequest } from "./protocol.ts";

export async function copyAtOnce({ directory }: CopyRequest): Promise<CopyAnswer> {
  const paths = instancePaths(directory);
  if ((await readInstance(paths)) === undefined)
    return { answer: "refused", reasons: [noInstance(paths)] };
  const order = await copyOrder(paths);
  if (order === undefined)
    return {
      answer: "refused",
      reasons: ["No other place is set: set backup.copyTo and backup.schedule, then pulumi up."],
    };
  try {
    const names = await copyBackups(paths, order);
    return {
      answer: "copied",
      to: order.copyTo,
      names,
      count: (await readCopies(paths))?.count ?? 0,
    };
  } catch (error) {
    return { answer: "refused", reasons: [`The backups were not copied: ${messageOf(error)}.`] };
  }
}
