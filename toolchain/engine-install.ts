import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../common/errors.ts";
import { runStep, type Report } from "./steps.ts";
import { engineVersion } from "./versions.ts";

/** Pulumi's own install script, as its documentation names it. */
const installScript = "https://get.pulumi.com";

/** How long the script's host may take to answer, in seconds: elsewhere Go is the way. */
const reachLimitSeconds = 10;
/** How long the download of about 100 MB and its unpacking may take, in seconds. */
const installLimitSeconds = 600;

/**
 * Runs Pulumi's install script into `workspace/bin`. Neither `~/.pulumi` nor a shell's start-up
 * file is touched.
 *
 * @returns false where the script or what it downloads is out of reach
 */
export async function installEngine(workspace: string, report: Report): Promise<boolean> {
  const script = path.join(workspace, "install.sh");
  const root = path.join(workspace, "installed");
  const whenItFails = "The engine is built with Go instead.";
  try {
    const download = ["--fail", "--silent", "--show-error", "--location", "--output", script];
    const limit = ["--max-time", String(reachLimitSeconds)];
    await runStep(
      "get Pulumi's install script",
      ["curl", ...download, ...limit, installScript],
      // A little more than curl's own limit, whose text is better.
      { limitSeconds: reachLimitSeconds + 2, whenItFails },
    );
    const options = ["--version", engineVersion, "--install-root", root, "--no-edit-path"];
    await runStep("install the Pulumi engine", ["sh", script, ...options], {
      limitSeconds: installLimitSeconds,
      report,
      // The script starts the engine once, which would look for its home.
      environment: { PULUMI_SKIP_UPDATE_CHECK: "1", PULUMI_HOME: path.join(workspace, "home") },
      whenItFails,
    });
    await rm(path.join(workspace, "bin"), { recursive: true, force: true });
    await rename(path.join(root, "bin"), path.join(workspace, "bin"));
    return true;
  } catch (error) {
    report(messageOf(error));
    return false;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
