import type { Scenario } from "../scenario.ts";
import { swap } from "./swap.ts";

/** All of them, in the order in which they are run: the last ones leave the first release behind. */
export const SCENARIOS: readonly Scenario[] = [swap];
