import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { build, type BuildOptions, stop } from "esbuild";
import { updaterBundle } from "../provider/server/updater-bundle.ts";

/** How long another version's bundle is kept for a process that is just starting it. */
const KEEP_OTHERS_FOR = 24 * 60 * 60_000;

/** Beside the bundles: the updater, made from the same sources. */
const UPDATER = "updater.mjs";

/**
 * Bundles program, provider and command into a folder, which is there as a whole or not at all.
 *
 * @param folder below node_modules, so that packages are found from there
 * @returns false where nothing can be written there
 */
export async function makeBundles(folder: string): Promise<boolean> {
  const parent = dirname(folder);
  try {
    await mkdir(parent, { recursive: true });
    const temporary = await mkdtemp(join(parent, ".new-"));
    try {
      await bundleInto(temporary);
      // Another user of the same checkout starts it, too.
      await chmod(temporary, 0o755);
      await rename(temporary, folder);
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!["EEXIST", "ENOTEMPTY"].includes(codeOf(error))) throw error;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    await removeOthers(parent, basename(folder));
  } catch (error) {
    if (
      ["EROFS", "EACCES", "EPERM", "EEXIST", "ENOTDIR", "ENOSPC", "EDQUOT"].includes(codeOf(error))
    )
      return false;
    throw error;
  }
  return true;
}

async function bundleInto(folder: string): Promise<void> {
  const { content } = await updaterBundle();
  await writeFile(join(folder, UPDATER), content);
  await build({
    ...OPTIONS,
    entryPoints: ["index.ts"],
    outfile: join(folder, "program.cjs"),
    // The engine's host has loaded the SDK already, and there must be only one of it.
    external: ["@pulumi/pulumi", "@pulumi/pulumi/*"],
  });
  for (const [source, name] of [
    ["provider/main.ts", "provider.cjs"],
    ["cli/main.ts", "cli.cjs"],
  ] as const)
    await build({
      ...OPTIONS,
      entryPoints: [source],
      outfile: join(folder, name),
      define: { ...OPTIONS.define, UPDATER_IN_BUNDLE: JSON.stringify(UPDATER) },
      // The one is only needed to bundle the updater, which is there; the other has its code beside it.
      external: ["esbuild", "libpg-query"],
    });
  await stop();
}

const OPTIONS: BuildOptions = {
  absWorkingDir: join(import.meta.dirname, ".."),
  bundle: true,
  platform: "node",
  target: "node20.19",
  // As run-bundle.mjs takes them.
  format: "cjs",
  supported: { "dynamic-import": false },
  define: { "import.meta.url": "fileUrl" },
  banner: { js: 'const fileUrl = require("node:url").pathToFileURL(__filename).href;' },
  // Without comments and long names there is less to read at each start.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  logLevel: "silent",
};

async function removeOthers(parent: string, current: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!/^(bundles-|provider-|\.new-)/.test(name) || name === current) continue;
    const found = await stat(join(parent, name)).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > KEEP_OTHERS_FOR)
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
