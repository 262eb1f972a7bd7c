import { isAboutBackups } from "../updater/texts.ts";
import { serverOfStack } from "./stack.ts";
import { abortJob } from "../provider/server/server-jobs.ts";

/** Asks the open job to stop before it touches the service. */
export async function abort(
  stack: string | undefined,
): Promise<{ text: string; aborted: boolean }> {
  const server = await serverOfStack(stack);
  const { openJob } = await server.state();
  if (openJob === undefined)
    return { text: `No job is under way on ${server.target}.`, aborted: false };
  const what = `Job ${openJob.sequence} (${openJob.kind}${
    openJob.release === undefined ? "" : ` to ${openJob.release.name}`
  })`;
  if (!(await abortJob(server)))
    return {
      text:
        `${what} is at step ${openJob.step} and past the point where it can be stopped: it ends by itself, ` +
        "with the new release proven healthy or the old one back. Follow it: pulumi up.",
      aborted: false,
    };
  const look = isAboutBackups(openJob.kind) ? "npx chatalot logs --job" : "pulumi up";
  return {
    text: `${what} stops before it touches the running server. See how it ended: ${look}.`,
    aborted: true,
  };
}
