import { homedir } from "node:os";

/** A path with the home folder of whoever runs this in the place of a leading `~/`; any other as it is. */
export function homePath(path: string): string {
  return path.replace(/^~(?=\/)/, () => homedir());
}
