import { withLock } from "../toolchain/lock.ts";
import type { Report } from "./commands.ts";

/** A first start builds an engine and images and then deploys; it takes far less than this. */
const WAIT_SECONDS = 5_400;

/**
 * Runs what changes the demo's server and stack while nothing else does: two starts, or a removal
 * beside a start, would take from each other what they are at work on.
 *
 * @param what it does, for the one who waits: "starts the demo"
 */
export function alone(what: string, report: Report, task: () => Promise<void>): Promise<void> {
  return withLock("demo", { what, waitSeconds: WAIT_SECONDS, report }, task);
}
