/** `npx chatalot prepare`: everything slow of an update now, while the old release serves; `up` swaps later. */
import { UserError } from "../common/errors.ts";
import { host } from "../provider/host.ts";
import type { Wire } from "../provider/codec.ts";
import { hostInputs } from "../provider/inputs.ts";
import { release as releaseResource } from "../provider/release.ts";
import type { Resource } from "../provider/resource.ts";
import { RemoteServer } from "../provider/server/remote-server.ts";
import { inputsOfStack } from "./inputs.ts";
import type { CommandContext } from "./terminal.ts";

/**
 * The resource's own work, so that the `up` that follows finds exactly what it would have made.
 *
 * @param wanted the release; the one that the stack names where undefined
 * @returns whether there was anything to do
 */
export async function prepare(
  stack: string | undefined,
  wanted: string | undefined,
  context: CommandContext,
): Promise<boolean> {
  const stackInputs = await inputsOfStack(stack, wanted);
  const { settings, place, reference } = stackInputs;
  const server = RemoteServer.at(place);
  const resourceContext = { ...context, urn: "chatalot prepare" };
  const checked = async (resource: Resource, inputs: Wire): Promise<Wire> => {
    const { additions, refusals } = await resource.check(resourceContext, {}, inputs);
    if (refusals.length > 0) throw new UserError(refusals.join("\n"));
    return { ...inputs, ...additions };
  };
  // The host's requirements first: a build must not begin on a server that can't run the result.
  await host.create(
    resourceContext,
    await checked(host, hostInputs({ ...settings, place, prepareServer: false })),
  );
  const inputs = await checked(releaseResource, stackInputs.release);
  const commit = inputs.commit as string;
  // Without it pulumi up would deploy what the stack names, which may be what serves.
  const named =
    reference === settings.release ? "" : `pulumi config set release ${reference}, then `;
  if ((await server.state()).prepared.includes(commit)) {
    context.tell(
      `${reference} (${commit.slice(0, 7)}) is on the server already. To swap: ${named}pulumi up`,
    );
    return false;
  }
  await releaseResource.create(resourceContext, inputs);
  context.tell(`The swap: ${named}pulumi up. It builds nothing.`);
  return true;
}
