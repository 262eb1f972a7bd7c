// Starts the provider: from a bundle of these very sources, made by the first start after a change.
//
// The engine starts the provider anew for each preview and each update. Translating some eighty files
// of TypeScript takes longer than all that a no-op update asks of the server; a bundle needs none of it.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const root = path.resolve(import.meta.dirname, "..");
/** All that the bundle is made of. */
const folders = ["common", "components", "provider", "release", "settings", "transport", "updater"];

// Beside the packages, so that the bundle finds them; with another checkout it is another bundle.
const folder = path.join(root, "node_modules", ".cache", "chatalot-deploy", `provider-${key()}`);
const bundle = path.join(folder, "main.js");

if (existsSync(bundle)) {
  await import(pathToFileURL(bundle).href);
} else {
  const { register } = await import("tsx/esm/api");
  register();
  const { makeProviderBundle } = await import("./bundle.ts");
  // Where nothing can be written it is started from the sources, each time.
  const isMade = await makeProviderBundle(folder);
  await import(isMade ? pathToFileURL(bundle).href : "./main.ts");
}

/** Changes with every byte of the sources, the packages, and the Node that runs them. */
function key() {
  const hash = createHash("sha256").update(process.version);
  for (const name of folders)
    for (const file of readdirSync(path.join(root, name), { recursive: true }).sort())
      if (/\.(ts|mjs)$/.test(file)) add(path.join(name, file));
  add("package-lock.json");
  return hash.digest("hex").slice(0, 32);

  function add(file) {
    const content = readFileSync(path.join(root, file));
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
}
