/** The digests of the setting `sideImages`: why they don't fit a release, and what they change. */
import { sideImageProblems, type SideImages, withDatabaseImage } from "../release/side-images.ts";
import { DATABASE_SERVICE } from "../release/compose-file.ts";
import type { Configuration, ServerState } from "../updater/protocol.ts";
import { shortDigest } from "../updater/texts.ts";
import { hasUnknown, type Wire } from "./codec.ts";
import { knownServerOf } from "./place.ts";
import { labelled } from "./plan/render.ts";
import type { ResourceContext } from "./resource.ts";
import { runningSideImages } from "./server/server-side-images.ts";

/** Refuses digests of another image or tag than the release's, all of them at once. */
export function sideImageRefusals(news: Wire, { lastServing }: ServerState): string[] {
  const { sideImages, configuration, release } = news;
  // A stack of an earlier version has not noted them: then the server says it, before a job begins.
  if (sideImages === undefined || [sideImages, configuration].some(hasUnknown)) return [];
  const { databaseImage = lastServing?.serving?.postgres?.image } = (configuration ??
    {}) as Partial<Configuration>;
  const own = withDatabaseImage(sideImages as SideImages, databaseImage);
  const problems = sideImageProblems(wantedBy(news), own);
  if (problems.length === 0) return [];
  return [
    `${release as string} can't have these images. Nothing was changed.\n${problems.join("\n")}`,
  ];
}

function wantedBy({ configuration }: Wire): SideImages {
  return (configuration as Configuration | undefined)?.sideImages ?? {};
}

/** Says which services get another image, from which one to which, and what that does to the chat. */
export async function tellSideImages(
  context: ResourceContext,
  olds: Wire,
  news: Wire,
  { serving }: ServerState,
): Promise<void> {
  if (serving === undefined || hasUnknown(news.configuration) || olds.commit === undefined) return;
  const before = new Map(Object.entries(wantedBy(olds)));
  const after = new Map(Object.entries(wantedBy(news)));
  const services = [...new Set([...before.keys(), ...after.keys()])]
    .filter((service) => before.get(service) !== after.get(service))
    .sort();
  if (services.length === 0) return;
  const running = await runningSideImages(knownServerOf(news));
  for (const service of services) {
    const runs = running?.find((image) => image.service === service)?.runs;
    const from = runs ?? digestOf(before.get(service));
    const to = digestOf(after.get(service));
    const image = (after.get(service) ?? before.get(service) ?? "").replace(/@.*$/, "");
    context.tell(
      labelled(
        "IMAGE",
        `${service}: ${image} ${from === undefined ? "as it runs" : shortDigest(from)} -> ` +
          `${to === undefined ? "what the tag names on the server" : shortDigest(to)}, ${effect(service, from === to)}`,
      ),
    );
  }
}

function effect(service: string, isSame: boolean): string {
  if (service !== DATABASE_SERVICE) return "its container is made anew";
  return isSame
    ? "restarts the database: CHAT IS AWAY meanwhile"
    : "restarts the database: backed up, proven and tried with the new image while the chat stays up, then CHAT " +
        "IS AWAY for the restart";
}

function digestOf(image: string | undefined): string | undefined {
  return image?.split("@")[1];
}
