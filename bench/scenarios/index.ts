import type { Scenario } from "../scenario.ts";
import { connections } from "./connections.ts";
import { largeRepository } from "./large-repository.ts";
import { noop } from "./noop.ts";
import { rollback } from "./rollback.ts";
import { swap } from "./swap.ts";
import { update } from "./update.ts";

/** All of them, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  noop,
  largeRepository,
  connections,
  swap,
  rollback,
  update,
];
