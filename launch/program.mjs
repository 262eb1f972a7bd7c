// What Pulumi runs (package.json, "main"): index.ts is the program.
import { launch } from "./launch.mjs";
import { keepSdkLean } from "./lean-sdk.mjs";

keepSdkLean();

/** Pulumi takes a default export for the stack's outputs. */
export default { ...(await launch("program")) };
