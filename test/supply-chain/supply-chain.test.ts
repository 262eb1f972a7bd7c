import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { readAudit } from "../../supply-chain/audit.ts";
import { forbiddenLicences, type LockedPackage } from "../../supply-chain/licences.ts";

interface PackageFile {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

async function json<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(new URL(`../../${name}`, import.meta.url), "utf8")) as T;
}

describe("the dependencies", () => {
  let packages: Record<string, LockedPackage>;

  before(async () => {
    ({ packages } = await json<{ packages: Record<string, LockedPackage> }>("package-lock.json"));
  });

  it("are pinned to one version each", async () => {
    const { dependencies, devDependencies } = await json<PackageFile>("package.json");
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(version, name).to.match(/^\d+\.\d+\.\d+$/);
  });

  it("are locked by their content, all that they bring along too", () => {
    for (const [path, { integrity, resolved, version }] of Object.entries(packages)) {
      if (path === "") continue;
      expect(version, path).to.be.a("string");
      expect(integrity, path).to.match(/^sha512-[A-Za-z0-9+/]{86}==$/);
      if (resolved !== undefined) expect(resolved, path).to.match(/^https:\/\//);
    }
  });

  it("are under licences that allow what ours allows", () => {
    expect(forbiddenLicences(packages)).to.deep.equal([]);
  });

  it("would be refused under others, or under none", () => {
    expect(
      forbiddenLicences({
        "": { license: "GPL-3.0" },
        "node_modules/a": { license: "GPL-3.0" },
        "node_modules/b/node_modules/@c/d": {},
        "node_modules/e": { license: "SEE LICENSE IN LICENSE" },
        "node_modules/f": { license: "MIT" },
      }),
    ).to.deep.equal(["a: GPL-3.0", "@c/d: no licence", "e: SEE LICENSE IN LICENSE"]);
  });
});

describe("the audit", () => {
  it("names what is high or critical, and counts the rest", () => {
    const vulnerabilities = {
      a: { severity: "critical", range: "<2" },
      b: { severity: "high" },
      c: { severity: "low", range: "*" },
    };
    expect(readAudit(JSON.stringify({ auditReportVersion: 2, vulnerabilities }))).to.deep.equal({
      answered: true,
      severe: ["a <2: critical", "b : high"],
      others: 1,
    });
    expect(readAudit('{"auditReportVersion":2}')).to.deep.equal({
      ...{ answered: true, severe: [], others: 0 },
    });
  });

  it("is not done where the registry has no answer, which is no good news", () => {
    expect(readAudit('{"message":"405 Method Not Allowed"}')).to.deep.equal({
      answered: false,
      because: "405 Method Not Allowed",
    });
    expect(readAudit("")).to.include({ answered: false });
  });
});
