// Starts a TypeScript script of this project: `node toolchain/bootstrap.mjs <script.ts> [args...]`.
//
// Plain JavaScript without dependencies, since it runs before any package is installed. It checks
// Node, installs the locked packages when they are missing or others, and hands over to the script.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const oldestNode = [20, 19];
/** How long `npm ci`, or the wait for another start's `npm ci`, may take, in seconds. */
const installLimitSeconds = 900;
/** What flock(1) exits with when another process has the lock. */
const lockIsTaken = 75;

const self = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(self), "..");
const lockFile = path.join(root, "package-lock.json");
const modules = path.join(root, "node_modules");
/** What npm itself writes of the packages that it installed. */
const record = path.join(modules, ".package-lock.json");
const stamp = path.join(modules, ".chatalot-deploy-lock");

const [script, ...scriptArguments] = process.argv.slice(2);
checkNode();
if (script === "--install-only") {
  // The inner start, which holds the lock: another start may have installed in the meantime.
  if (!isInstalled()) install();
} else if (script === undefined) {
  fail("Nothing to start: no script was named. Use node toolchain/bootstrap.mjs <script.ts>.");
} else {
  if (!isInstalled()) installUnderLock();
  run(script, scriptArguments);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  const oldest = oldestNode.join(".");
  fail(
    `Node is too old: this is ${process.versions.node} and ${oldest} is needed. ` +
      `Install Node ${oldest} or newer and start again.`,
  );
}

/** Whether node_modules is what package-lock.json says. Costs three file reads when it is. */
function isInstalled() {
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === stampOfNow()) return true;
  if (!npmInstalledTheSame()) return false;
  // Installed by hand with npm: installing again would only take that work away.
  writeStamp();
  return true;
}

/** What is wanted and what npm installed: npm leaves the stamp where it is when it installs others. */
function stampOfNow() {
  return [lockFile, record].map((file) => `${path.basename(file)} ${digestOf(file)}\n`).join("");
}

/** As a new file: a copy of this checkout that was made of hard links keeps its own. */
function writeStamp() {
  rmSync(stamp, { force: true });
  writeFileSync(stamp, stampOfNow());
}

function digestOf(file) {
  if (!existsSync(file)) return "absent";
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Compares npm's own record of what it installed with the lock. */
function npmInstalledTheSame() {
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, "utf8")).packages;
  const locked = JSON.parse(readFileSync(lockFile, "utf8")).packages;
  return Object.entries(locked).every(([place, wanted]) => {
    if (place === "") return true;
    const found = installed[place];
    // A package for another platform is locked and not installed.
    if (found === undefined) return wanted.optional === true || wanted.devOptional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

/**
 * Installs, or waits while another start does. The lock is flock(1)'s: it ends with the last
 * process that holds it, so a start that was killed leaves nothing that must be removed by hand.
 */
function installUnderLock() {
  const key = createHash("sha256").update(root).digest("hex").slice(0, 12);
  const lock = path.join(tmpdir(), `chatalot-deploy-npm-${process.getuid?.() ?? 0}-${key}.lock`);
  const inner = [lock, process.execPath, self, "--install-only"];
  let result = flock(["--nonblock", "--conflict-exit-code", String(lockIsTaken), ...inner]);
  if (result.status === lockIsTaken) {
    console.log("Another start is installing the packages: waiting for it.");
    result = flock(["--timeout", String(installLimitSeconds), ...inner]);
  }
  if (result.error?.code === "ENOENT") {
    // No flock(1) on this system: npm itself copes with all but two starts in the same moment.
    install();
  } else if (result.status !== 0) {
    process.exit(result.status ?? 1);
  }
}

function flock(options) {
  return spawnSync("flock", options, { stdio: "inherit" });
}

function install() {
  const started = Date.now();
  console.log("Installing the packages that package-lock.json names (npm ci) ...");
  const npm = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = spawnSync("npm", npm, {
    cwd: root,
    stdio: "inherit",
    timeout: installLimitSeconds * 1000,
  });
  if (result.status !== 0) {
    const cause =
      result.error?.code === "ETIMEDOUT"
        ? `no end after ${installLimitSeconds} s`
        : (result.error?.message ?? `npm ended with exit code ${result.status}`);
    fail(
      `The packages could not be installed: ${cause}. ` +
        "See npm's message above, check the connection to the npm registry and start again.",
    );
  }
  writeStamp();
  console.log(`Packages installed in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/** Runs the script with tsx; it has the terminal, and its end is this process's end. */
function run(file, args) {
  const options = { stdio: "inherit" };
  const tsx = import.meta.resolve("tsx");
  const child = spawn(process.execPath, ["--import", tsx, file, ...args], options);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // A terminal sends ^C to both processes; another sender only to this one. A second SIGINT
    // would look to the script like impatience, so that one is not passed on at a terminal.
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`${file} could not be started: ${error.message}. Try again.`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
