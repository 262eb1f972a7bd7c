// What Pulumi runs (package.json, "main"): index.ts is the program.
import { launch } from "./launch.mjs";

/** Pulumi takes a default export for the stack's outputs. */
export default { ...(await launch("program")) };
