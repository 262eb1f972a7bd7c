import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Set where this runs from the provider's bundle, which has the updater beside it. */
declare const UPDATER_IN_BUNDLE: string | undefined;

/** Some of the bundled packages are CommonJS and ask for Node's own modules by require(). */
export const REQUIRE = {
  js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
};

/** The updater as one file, for a server that has nothing of this project. */
export interface UpdaterBundle {
  content: Uint8Array;
  sha256: string;
}

let bundle: Promise<UpdaterBundle> | undefined;

/** Bundles the updater once for each process; the same sources give the same bytes. */
export function updaterBundle(): Promise<UpdaterBundle> {
  bundle ??= makeBundle();
  return bundle;
}

async function makeBundle(): Promise<UpdaterBundle> {
  const content =
    typeof UPDATER_IN_BUNDLE === "string"
      ? await readFile(new URL(UPDATER_IN_BUNDLE, import.meta.url))
      : await bundleSources();
  return { content, sha256: createHash("sha256").update(content).digest("hex") };
}

async function bundleSources(): Promise<Uint8Array> {
  // Loaded here, because it is not needed where the bundle is there.
  const { build } = await import("esbuild");
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["updater/main.ts"],
    bundle: true,
    write: false,
    platform: "node",
    target: "node20.19",
    format: "esm",
    // Short, because each start of it on the server reads it all; with the names, for a stack that tells.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "inline",
    logLevel: "silent",
    banner: REQUIRE,
  });
  const content = outputFiles[0]?.contents;
  if (content === undefined) throw new Error("bundling the updater gave no file");
  return content;
}
