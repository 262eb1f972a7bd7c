/** `chatalot update --side-images`: newer digests, pinned, shown, asked for, done. */
import { UserError } from "../../common/errors.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import { sideImagesOn } from "../../provider/server/server-side-images.ts";
import type { SideImageFacts } from "../../updater/side-images-protocol.ts";
import { changeStack, takenBackJob } from "../run/change.ts";
import { replaceStackFile, stackFileOf, withSideImages } from "../run/stack-file.ts";
import { settingsOfStack } from "../stack.ts";
import { ask, type Ask, canAsk, type CommandContext, requirePerson } from "../terminal.ts";
import type { UpdateOptions, UpdateResult } from "../updates.ts";
import { NOTHING_SERVES } from "./list.ts";
import { describeSideImages, newerImages, pinsOf } from "./side-images.ts";

/** Reads the server and asks the registries. Nothing is downloaded. */
export async function readSideImages(stack: string | undefined): Promise<SideImageFacts[]> {
  const { place } = await settingsOfStack(stack);
  return sideImagesOn(RemoteServer.at(place), (text) => console.error(text));
}

/** Writes newer digests into the stack file, where the next `pulumi preview` and `pulumi up` find them. */
export async function pinSideImages(
  stack: string | undefined,
  images: Readonly<Record<string, string>>,
): Promise<string> {
  const file = await stackFileOf(stack);
  await replaceStackFile(file, withSideImages(file.text, images));
  return file.path;
}

/**
 * Pins the newer digests, previews them, asks, and brings them. Where it fails, the stack file is as before.
 *
 * @throws UserError where it can't be done; nothing was changed then
 */
export async function updateSideImages(
  stack: string | undefined,
  { retry = false, yes = false }: UpdateOptions,
  context: Pick<CommandContext, "tell">,
  question: Ask = canAsk() ? ask : undefined,
): Promise<UpdateResult> {
  const { place } = await settingsOfStack(stack);
  const server = RemoteServer.at(place);
  const state = await server.state();
  const { serving } = state;
  const commit = serving?.release?.commit;
  if (serving === undefined || commit === undefined) throw new UserError(NOTHING_SERVES);
  const images = await sideImagesOn(server, context.tell);
  const newer = newerImages(images);
  context.tell(describeSideImages(images));
  if (newer.length === 0) return "nothing-to-do";
  requirePerson(yes, question);
  const job = retry
    ? takenBackJob("A newer image beside the server's own", commit, state)
    : undefined;
  const change = {
    ...{ name: "update", question: "Update?" },
    edit: (text: string) => withSideImages(text, pinsOf(newer), job),
    aim: {
      ...{ server, commit, before: serving.sequence },
      underWay: "The update may go on at the server. Follow it: pulumi up",
      served: `names ${Object.values(pinsOf(newer)).join(", ")}.`,
      lookAt: '"sideImages"',
    },
  };
  return changeStack(stack, change, { yes, question }, context);
}
