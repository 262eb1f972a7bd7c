import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * The sample server as one file of JavaScript that needs nothing but Node, so that its image can be
 * built on a server that reaches no package registry. Equal sources give equal bytes everywhere.
 */
export async function bundleApplication(): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL("./main.ts", import.meta.url))],
    // Paths get into the bundle relative to this folder; the caller's own would make it differ.
    absWorkingDir: fileURLToPath(new URL("../..", import.meta.url)),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    legalComments: "inline",
    external: ["pg-native", "bufferutil", "utf-8-validate"],
    logLevel: "error",
    write: false,
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error("esbuild made no file");
  return file.text;
}
