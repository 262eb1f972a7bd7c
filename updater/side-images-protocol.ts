/**
 * What is said of the images beside the server's own: the verb `side-images`. As all of the conversation
 * (protocol.ts), a change that an older build would misread raises PROTOCOL.
 */
import * as z from "zod";
import { directorySchema, PROTOCOL } from "./protocol.ts";

/** Asks what the services beside the server run from. Nothing is changed or downloaded by it. */
export const sideImagesRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
  /** Whether the registries are asked what there is now. */
  registries: z.boolean(),
});
export type SideImagesRequest = z.infer<typeof sideImagesRequestSchema>;

export interface SideImagesAnswer {
  protocol: number;
  images: SideImageFacts[];
}

/** The image of one service. */
export interface SideImageFacts {
  service: string;
  /** `name:tag`, as the compose file names it. */
  image: string;
  /** What its container runs from, `sha256:…`: the digest that it was pulled by. Absent: it was never pulled. */
  runs?: string;
  /** The major version of PostgreSQL that runs, where it is one. */
  postgresMajor?: string;
  /** What the registry has under the tag now. Absent: it was not asked, or gave no answer. */
  newest?: NewestImage;
  /** Whether that is another one than runs. */
  isNewer: boolean;
  /**
   * Whether the setting `sideImages` decides it. It doesn't where the release pins a digest itself, where a
   * variable names the image, or the operator's override.
   */
  isSettable: boolean;
  /** Why the registry gave no answer. */
  problem?: string;
}

/** An image in a registry. */
export interface NewestImage {
  digest: string;
  /** When it was made; absent: it doesn't say. */
  madeAt?: string;
  postgresMajor?: string;
}
