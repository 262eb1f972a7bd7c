/** How an image is built, the same on the server and on the operator's machine. */
import { join } from "node:path";
import { COMMIT_LABEL, type ImageToBuild } from "../../../release/compose-file.ts";

export interface BuildArguments {
  /** The image's name with its tag. */
  name: string;
  commit: string;
  /** Absolute path of the commit's tree. */
  tree: string;
  wanted: ImageToBuild;
  /** The control group under which the steps run. Absent: Docker's own. */
  group?: string;
  /** `linux/arm64`. Absent: that of the machine. */
  platform?: string;
  /**
   * Takes nothing from earlier builds.
   *
   * @default false
   */
  isAnew?: boolean;
}

/** The arguments of `docker`. */
export function buildArguments({
  name,
  commit,
  tree,
  wanted,
  group,
  platform,
  isAnew = false,
}: BuildArguments): string[] {
  return [
    ...["buildx", "build", "--load", "--progress", "plain"],
    // With attestations an image's id changes when it is loaded again (containerd store).
    ...["--provenance=false", "--sbom=false"],
    ...(isAnew ? ["--no-cache"] : []),
    ...(group === undefined ? [] : ["--cgroup-parent", group]),
    ...(platform === undefined ? [] : ["--platform", platform]),
    ...["--tag", name, "--label", `${COMMIT_LABEL}=${commit}`],
    ...["--file", join(tree, wanted.dockerfile)],
    ...(wanted.target === undefined ? [] : ["--target", wanted.target]),
    ...Object.entries(wanted.args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
    join(tree, wanted.context),
  ];
}
