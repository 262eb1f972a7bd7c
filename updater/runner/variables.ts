/**
 * Variables that would change the programs on the host: Compose puts what is in the `.env` into its own
 * environment, and so into that of what it runs as root.
 */
import { NotPermittedError } from "./permits.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Of the dynamic linker, Compose, Docker and its builder, Go, Node, SSH, proxies' hooks and shells. */
const HOST =
  /^(?:LD_|COMPOSE_|DOCKER_|BUILDX_|BUILDKIT_|GO[A-Z]+$|NODE_|SSH_|GIT_|OTEL_|XDG_|MALLOC_|GCONV_|BASH|(?:PATH|HOME|USER|SHELL|ENV|IFS|TMPDIR|LOCPATH|NLSPATH|HOSTALIASES|RES_OPTIONS|LOCALDOMAIN)$)/i;

/** @throws NotPermittedError naming them */
export function refuseHostVariables(configuration: {
  env?: Record<string, string>;
  secretEnv?: Record<string, string>;
}): void {
  const names = [
    ...Object.keys(configuration.env ?? {}),
    ...Object.keys(configuration.secretEnv ?? {}),
  ];
  const refused = names.filter((name) => !NAME.test(name) || HOST.test(name));
  if (refused.length === 0) return;
  throw new NotPermittedError(
    `these variables can't be set through the runner, because programs of the host read them: ` +
      refused.map((name) => JSON.stringify(name.slice(0, 80))).join(", "),
  );
}
