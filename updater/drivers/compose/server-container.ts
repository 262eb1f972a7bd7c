/** The server's own container: which it is, its stop, and whether it comes back at boot. */
import { MAIN_SERVICE } from "../../../release/compose-file.ts";
import type { ContainerFacts } from "../../protocol.ts";
import { docker, findContainer } from "./docker.ts";

/** Chatalot ends within 0.2 s (measured); one that hangs is killed after this. */
export const STOP_SECONDS = 30;

/** Undefined where a project has none. */
export async function findServer(project: string): Promise<ContainerFacts | undefined> {
  return (await findContainer(project, MAIN_SERVICE))?.facts;
}

/** Does nothing where there is none. */
export async function stopServer(project: string, grace = STOP_SECONDS): Promise<void> {
  const server = await findServer(project);
  if (server === undefined) return;
  // Before the stop: a server that stopped must not come back at boot by itself from here on.
  if (server.restartPolicy !== "no") await setRestart(server.id, "no");
  await docker("stop the server", ["stop", "-t", String(grace), server.id], {
    timeout: (grace + 30) * 1_000,
  });
}

/** Lets Docker start a container again by a policy of its own, or not at all (`no`). */
export async function setRestart(id: string, policy: string): Promise<void> {
  await docker("set the restart policy", ["update", "--restart", policy, id]);
}
