/**
 * What the plugins of a deployment cost before anything is asked of a server: the same packages, with as
 * many resources of theirs. The volumes are empty ones on this machine.
 */
import * as docker from "@pulumi/docker";
import * as random from "@pulumi/random";

for (const [name, length] of [
  ["password", 32],
  ["root", 64],
] as const)
  new random.RandomPassword(name, { length, special: false });

const provider = new docker.Provider("docker", {});
for (const name of ["database", "files"])
  new docker.Volume(name, { name: `chatalot-deploy-bench-${name}` }, { provider });
