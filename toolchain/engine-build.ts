import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { execa } from "execa";
import { UserError } from "../common/errors.ts";
import { runStep, type Report } from "./steps.ts";
import { engineVersion, languageHostVersion, oldestEngine, runtimeOptions } from "./versions.ts";

/** Where the engine's modules name the variable that `pulumi version` prints. */
const versionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

interface Program {
  /** For people. */
  what: string;
  /** The folder below toolchain/go with the committed go.mod and go.sum. */
  module: string;
  /** The Go package that is built. */
  source: string;
  /** Where the executable is put, in the workspace. */
  output: string;
  version: string;
  /** How long the download and the build may take, in seconds. Measured: see `expected`. */
  limitSeconds: number;
  /** What it took on two cores with empty caches, for people. */
  expected: string;
}

const programs: readonly Program[] = [
  {
    what: "build the Node language host",
    module: "language-host",
    source: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    // A script in bin/ starts it, see below.
    output: "lib/pulumi-language-nodejs",
    version: languageHostVersion,
    limitSeconds: 15 * 60,
    expected: "half a minute",
  },
  {
    what: "build the Pulumi engine",
    module: "cli",
    source: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    output: "bin/pulumi",
    version: engineVersion,
    limitSeconds: 40 * 60,
    expected: "5 to 10 minutes",
  },
];

/**
 * Builds the engine and its language host with Go into a workspace's `bin`.
 *
 * Each is built from a module of our own, since `go install` refuses modules with replacements.
 * Its go.sum is committed, so what is built is what was looked at.
 */
export async function buildEngine(workspace: string, report: Report): Promise<void> {
  requireKnownPlatform(process.platform, process.arch);
  await requireGo();
  for (const program of programs) await build(program, workspace, report);
  await writeFile(
    path.join(workspace, "bin", "pulumi-language-nodejs"),
    `#!/bin/sh\nexec "\${0%/*}/../lib/pulumi-language-nodejs" -typescript=${runtimeOptions.typescript} "$@"\n`,
    { mode: 0o755 },
  );
}

async function build(program: Program, workspace: string, report: Report): Promise<void> {
  const { what, module, source, version, limitSeconds, expected } = program;
  report(`With empty caches on two cores the next step takes ${expected}.`);
  // Built from a copy: the checkout may be read-only, and Go may want to touch the files.
  const directory = path.join(workspace, module);
  await mkdir(directory, { recursive: true });
  for (const file of ["go.mod", "go.sum"]) {
    await copyFile(path.join(import.meta.dirname, "go", module, file), path.join(directory, file));
  }
  const output = path.join(workspace, program.output);
  const linker = `-s -w -X ${versionVariable}=${version}`;
  const argv = ["go", "build", "-trimpath", "-ldflags", linker, "-o", output, source] as const;
  await runStep(what, [...argv], {
    limitSeconds,
    report,
    directory,
    environment: goEnvironment,
    whenItFails: `Check that Go reaches its module proxy, or install Pulumi ${oldestEngine}.`,
  });
}

/** Keeps the user's own Go settings from changing what is built; proxies and caches stay. */
const goEnvironment: Record<string, string | undefined> = {
  GOFLAGS: "-mod=readonly -buildvcs=false",
  GOWORK: "off",
  // An older Go gets the toolchain that go.mod names through the module proxy.
  GOTOOLCHAIN: "auto",
  GOOS: undefined,
  GOARCH: undefined,
  CGO_ENABLED: "0",
};

async function requireGo(): Promise<void> {
  const result = await execa("go", ["version"], { reject: false, timeout: 20_000 });
  if (!result.failed) return;
  throw new UserError(
    `No Pulumi engine could be set up: there is none on the PATH, its installer is out of reach, ` +
      `and Go, to build it with, is missing. Install Pulumi ${oldestEngine} or newer, or Go 1.21 ` +
      "or newer, and start again.",
  );
}

/** Refuses a machine for which neither the installer nor this build is made. */
export function requireKnownPlatform(platform: string, architecture: string): void {
  if (platform === "linux" && (architecture === "x64" || architecture === "arm64")) return;
  throw new UserError(
    `No Pulumi engine can be set up here: this is ${platform} on ${architecture}, and only ` +
      `Linux on x64 or arm64 is served. Install Pulumi ${oldestEngine} or newer and start again.`,
  );
}
