/** Where Pulumi keeps the state, and what encrypts the secrets in it. */
import { join } from "node:path";
import semver from "semver";
import { UserError } from "../../common/errors.ts";
import { oldestEngine } from "../../toolchain/versions.ts";
import { pulumi } from "../run/pulumi.ts";

/** The variables of Pulumi that lead to state and passphrase. */
export interface Backend {
  /** PULUMI_BACKEND_URL where the environment names one: that is used then. */
  url?: string;
  /**
   * `file`: a passphrase is made, or was made before, in the folder. `environment`: it is there
   * already. `none`: the backend has keys of its own.
   */
  passphrase: "file" | "environment" | "none";
}

/** @param environment the variables of this process */
export function backendOf(environment: NodeJS.ProcessEnv): Backend {
  const url = environment.PULUMI_BACKEND_URL ?? "";
  const isNamed =
    (environment.PULUMI_CONFIG_PASSPHRASE ?? environment.PULUMI_CONFIG_PASSPHRASE_FILE) !==
    undefined;
  const hasKeys = /^https?:/.test(url);
  const passphrase = isNamed ? "environment" : hasKeys ? "none" : "file";
  return { ...(url === "" ? {} : { url }), passphrase };
}

/** The folder's own state, where the environment names no other place. */
export function stateFolder(folder: string): string {
  return join(folder, "state");
}

/** @throws UserError where there is no Pulumi, or one that is too old, before anything is asked */
export async function requirePulumi(): Promise<void> {
  const version = semver.clean((await pulumi("tell its version", ["version"], {})).trim());
  if (version === null || semver.lt(version, oldestEngine))
    throw new UserError(
      `The Pulumi CLI can't be used: it is ${version ?? "of an unknown version"}. Install ${oldestEngine} ` +
        "or newer: https://www.pulumi.com/docs/install/",
    );
}
