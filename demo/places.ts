import { fileURLToPath } from "node:url";

/** The checkout: where Pulumi finds the program. */
export const checkout = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Everything of the demo's on this machine, beside docker's containers and images. */
export const demoFolder = `${checkout}/.demo`;

/** The sample's git repository. */
export const repositoryFolder = `${demoFolder}/repository`;

/** What to source in a shell to run `pulumi` against the demo. */
export const environmentFile = `${demoFolder}/environment`;

/** Pulumi's state and the passphrase of the demo's stack. */
export const stackFolder = `${demoFolder}/stack`;

/** The name of the demo's server, and of its stack. */
export const demoName = "demo";
