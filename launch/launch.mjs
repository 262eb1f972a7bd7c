// Starts the program, the provider and the chatalot command: from bundles of these very sources, made by the
// first start after a change.
//
// The engine starts two of them anew for each preview and each update. Translating hundreds of files of
// TypeScript takes longer than all that a no-op update asks of the server; a bundle needs none of it.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runBundle } from "./run-bundle.mjs";

const root = path.resolve(import.meta.dirname, "..");

/** All that the bundles are made of. */
const folders = [
  ...[
    "cli",
    "common",
    "components",
    "launch",
    "provider",
    "release",
    "settings",
    "transport",
    "updater",
  ],
];
const files = ["index.ts", "settings.ts", "package-lock.json"];

/** What can be started, and its file in the folder of bundles. */
const programs = {
  program: { bundle: "program.cjs", source: "index.ts" },
  provider: { bundle: "provider.cjs", source: "provider/main.ts" },
  cli: { bundle: "cli.cjs", source: "cli/main.ts" },
};

/**
 * Starts one of them.
 *
 * @param {keyof typeof programs} name
 * @returns what its module exports
 */
export async function launch(name) {
  const { bundle, source } = programs[name];
  // Beside the packages, so that the bundles find them; with another checkout they are others.
  const folder = path.join(root, "node_modules", ".cache", "chatalot-deploy", `bundles-${key()}`);
  const file = path.join(folder, bundle);
  if (existsSync(file)) return runBundle(file);
  const { register } = await import("tsx/esm/api");
  register();
  const { makeBundles } = await import("./bundle.ts");
  // Where nothing can be written it is started from the sources, each time.
  const isMade = await makeBundles(folder);
  return isMade ? runBundle(file) : import(pathToFileURL(path.join(root, source)).href);
}

/** Changes with every byte of the sources, the packages, and the Node that runs them. */
function key() {
  const hash = createHash("sha256").update(process.version);
  for (const name of folders)
    for (const file of readdirSync(path.join(root, name), { recursive: true }).sort())
      if (/\.(ts|mjs)$/.test(file)) add(path.join(name, file));
  files.forEach(add);
  return hash.digest("hex").slice(0, 32);

  function add(file) {
    const content = readFileSync(path.join(root, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
}
