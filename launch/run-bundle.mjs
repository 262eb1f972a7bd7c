// Runs a bundle, and keeps beside it what V8 has made of its text: half of a start is spent on that
// (measured with the provider's 1.7 MB: 65 ms instead of 125).
//
// Node's own cache (module.enableCompileCache) is there from 22.1 on only.
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import vm from "node:vm";

/**
 * @param {string} file a bundle as CommonJS, below node_modules, so that it finds its packages; it can't import()
 * @returns what it exports
 */
export function runBundle(file) {
  const kept = `${file}.${process.version}-${process.arch}.cache`;
  const cachedData = readIfThere(kept);
  const require = createRequire(file);
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, "utf8")}\n})`,
    {
      filename: file,
      ...(cachedData === undefined ? {} : { cachedData }),
    },
  );
  const module = { exports: {} };
  script
    .runInThisContext()
    .call(module.exports, module.exports, require, module, file, path.dirname(file));
  // V8 refuses what another V8, other flags or another text gave. Made after the run it has the functions
  // that a start calls, too.
  if (cachedData === undefined || script.cachedDataRejected === true)
    keep(kept, script.createCachedData());
  return module.exports;
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Whole or not at all: another process may be starting. Where nothing can be written, each start takes longer. */
function keep(file, content) {
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}
