/**
 * Asks the package registry what is known of the dependencies that users run: `npm run audit`. Fails for
 * what is high or critical. A registry that doesn't answer such questions is told, and is no failure.
 */
import { execa } from "execa";
import { messageOf } from "../common/errors.ts";

const TIMEOUT = 60_000;

/** What `npm audit --json` says, as far as it is read. */
interface AuditReport {
  auditReportVersion?: number;
  message?: string;
  error?: { summary?: string };
  vulnerabilities?: Record<string, { severity: string; range?: string }>;
}

export type AuditResult =
  | { answered: false; because: string }
  /** One line for each package with something high or critical. */
  | { answered: true; severe: string[]; others: number };

/** @param output what `npm audit --json` wrote */
export function readAudit(output: string): AuditResult {
  let report: AuditReport;
  try {
    report = JSON.parse(output) as AuditReport;
  } catch {
    return { answered: false, because: "npm gave no answer" };
  }
  if (report.auditReportVersion === undefined)
    return { answered: false, because: report.message ?? report.error?.summary ?? "no report" };
  const found = Object.entries(report.vulnerabilities ?? {});
  const severe = found.filter(([, { severity }]) => ["high", "critical"].includes(severity));
  return {
    answered: true,
    severe: severe.map(([name, { severity, range }]) => `${name} ${range ?? ""}: ${severity}`),
    others: found.length - severe.length,
  };
}

async function main(): Promise<boolean> {
  const { stdout } = await execa("npm", ["audit", "--json", "--omit=dev"], {
    reject: false,
    timeout: TIMEOUT,
  });
  const result = readAudit(stdout);
  if (!result.answered) {
    // A registry's own text may have its address.
    console.log("audit: not done, the registry does not answer it");
    return true;
  }
  for (const line of result.severe) console.log(`audit: ${line}`);
  console.log(`audit: ${result.severe.length} high or critical, ${result.others} others`);
  return result.severe.length === 0;
}

if (process.argv[1]?.endsWith("audit.ts") === true)
  main().then(
    (passed) => process.exit(passed ? 0 : 1),
    (error: unknown) => {
      console.error(messageOf(error));
      process.exit(1);
    },
  );
