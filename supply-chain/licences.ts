/**
 * The licences under which packages may be used here: all of them allow what Apache-2.0 allows. A package
 * under another one fails the tests, whoever brought it.
 */
export const LICENCES: readonly string[] = [
  ...["Apache-2.0", "MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "BlueOak-1.0.0"],
  ...["Python-2.0", "PSF-2.0", "CC0-1.0", "CC-BY-3.0", "Unlicense"],
  "(BSD-3-Clause AND Apache-2.0)",
];

/** Packages that name their licence by a file; what it says was read. */
export const READ_LICENCES: Readonly<Record<string, string>> = {
  "@logdna/tail-file": "MIT",
};

/** A package as the lockfile has it. */
export interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
}

/** The packages of a lockfile whose licence is none of these, or unknown. */
export function forbiddenLicences(packages: Readonly<Record<string, LockedPackage>>): string[] {
  return Object.entries(packages).flatMap(([path, { license }]) => {
    const name = path.split("node_modules/").at(-1) ?? path;
    const found = READ_LICENCES[name] ?? license;
    if (path === "" || (found !== undefined && LICENCES.includes(found))) return [];
    return `${name}: ${found ?? "no licence"}`;
  });
}
