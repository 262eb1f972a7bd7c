// Keeps Pulumi's SDK from doing what this program has no use for, at every start of it (measured with
// 3.248: a third of the time until the first resource).
import { createRequire } from "node:module";

/**
 * What the SDK loads only for functions as code (to read them, and to find their packages) and for
 * programs that run Pulumi themselves. There are none of either here.
 */
const UNUSED = [
  ...["@npmcli/arborist", "fdir", "normalize-package-data", "typescript"],
  "./automation",
];

/** Call it before the SDK is loaded whole. */
export function keepSdkLean() {
  const require = createRequire(import.meta.url);
  const sdk = createRequire(require.resolve("@pulumi/pulumi"));
  for (const name of UNUSED) loadWhenUsed(sdk, name);
  // The SDK notes a stack for each promise, and would look up every line of it in its source maps.
  Error.prepareStackTrace = undefined;
}

/** Puts a module into the cache that loads the real one when something of it is asked for. */
function loadWhenUsed(require, name) {
  const file = require.resolve(name);
  if (require.cache[file] !== undefined) return;
  const stub = { id: file, filename: file, loaded: true, children: [], paths: [] };
  const real = () => {
    if (require.cache[file] === stub) delete require.cache[file];
    return require(name);
  };
  // Said to be an ES module, it is handed on as it is; else its members would be copied, and so loaded.
  const get = (_target, member) => {
    if (member === "__esModule") return true;
    const loaded = real();
    return member === "default" && !loaded.__esModule ? loaded : loaded[member];
  };
  stub.exports = new Proxy({}, { get });
  require.cache[file] = stub;
}
