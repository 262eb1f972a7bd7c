/** The engine that is installed or built where none is found. */
export const engineVersion = "3.250.0";

/** The oldest engine on the PATH that is used: the first that tells providers of an interrupt. */
export const oldestEngine = "3.230.0";

/**
 * The Node language host that is built beside the engine. Newer ones are modules of their own,
 * which can't be had as a Go module; this one runs programs of the SDK's current version.
 */
export const languageHostVersion = "3.60.0";

/**
 * How Node runs a program: the options of Pulumi.yaml's `runtime`. The language host that is built
 * takes them only as its own flags, which the engine no longer passes, so it gets them from here.
 */
export const runtimeOptions = { typescript: false } as const;

/** The resource plugins that the program's SDK packages ask for, in exactly these versions. */
export const pluginVersions = {
  command: "1.2.1",
  docker: "5.2.0",
  random: "4.21.2",
} as const;

export type PluginName = keyof typeof pluginVersions;

export const pluginNames = Object.keys(pluginVersions) as PluginName[];
