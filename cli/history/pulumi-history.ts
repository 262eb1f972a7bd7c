/** What Pulumi's own history of a stack knows of its updates. */
import { pulumi, stackFlag } from "../run/pulumi.ts";

/** A value of the configuration as Pulumi's history has it; a secret has none unless it was asked for. */
export interface ConfigValue {
  value?: string;
  objectValue?: unknown;
  secret: boolean;
}

/** One run of Pulumi, as `pulumi stack history --json` prints it. */
export interface PulumiUpdate {
  kind: string;
  startTime: string;
  endTime?: string;
  message?: string;
  result: string;
  config?: Record<string, ConfigValue>;
}

/** More than any stack has: by default there would be the newest ten only. */
const ALL = "1000000";

/**
 * All runs of a stack, newest first.
 *
 * @param showSecrets whether secrets come with their values; otherwise they have none
 */
export async function pulumiHistory(
  stack: string | undefined,
  showSecrets = false,
): Promise<PulumiUpdate[]> {
  const stdout = await pulumi(
    "read the stack's history",
    [
      ...["stack", "history", "--json", "--non-interactive", "--page-size", ALL],
      ...(showSecrets ? ["--show-secrets"] : []),
      ...stackFlag(stack),
    ],
    {},
  );
  // A stack without a run has no list at all.
  return (JSON.parse(stdout) as PulumiUpdate[] | null) ?? [];
}
