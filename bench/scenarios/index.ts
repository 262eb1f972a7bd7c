import type { Scenario } from "../scenario.ts";
import { noop } from "./noop.ts";
import { swap } from "./swap.ts";

/** All of them, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [noop, swap];
