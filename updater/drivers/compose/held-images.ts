/**
 * Images that a job may have to go back to. Where their tag has moved, nothing but a container names them, and that
 * is made anew: until the job has ended they have a name of ours, since a prune takes what has none.
 */
import { docker, dockerLines, inspectImage } from "./docker.ts";
import { OWN_IMAGES } from "./image.ts";

/** No project has a dot in its name: it is no other one's. */
function repositoryOf(project: string): string {
  return `${OWN_IMAGES}${project}.before`;
}

/** Done again it changes nothing. */
export async function holdImage(project: string, id: string): Promise<void> {
  const name = `${repositoryOf(project)}:${id.replace(/^sha256:/, "").slice(0, 12)}`;
  await docker("name an image that may have to come back", ["tag", id, name]);
}

/**
 * Lets a name stand for an image again.
 *
 * @returns false where it does already
 */
export async function nameImage(id: string, reference: string): Promise<boolean> {
  if ((await inspectImage(reference))?.id === id) return false;
  await docker(`let ${reference} name the image before`, ["tag", id, reference]);
  return true;
}

/**
 * Takes our names from all images that have one; the images stay.
 *
 * @param named gives an image that has another name
 */
export async function letGoOfImages(
  project: string,
  named: () => Promise<string | undefined>,
): Promise<void> {
  const names = await dockerLines("list the images that may have to come back", [
    ...["images", "--filter", `reference=${repositoryOf(project)}`],
    ...["--format", "{{.Repository}}:{{.Tag}}"],
  ]);
  if (names.length === 0) return;
  const other = await named();
  if (other === undefined) return;
  for (const name of names) {
    // With its last name Docker removes an image: so the name is given to one that has others.
    await docker("take a name from an image", ["tag", other, name]);
    await docker("remove a name", ["image", "rm", name]);
  }
}
