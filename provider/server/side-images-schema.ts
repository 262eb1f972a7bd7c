/** The form of what `side-images` answers; updater/side-images-protocol.ts tells what it means. */
import * as z from "zod";
import { parseServiceImage } from "../../common/image-reference.ts";
import type { SideImagesAnswer } from "../../updater/side-images-protocol.ts";
import { line, text, time, whole, word } from "./answers.ts";

/** It becomes a setting, and stands in commands that are shown. */
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "expected a digest");
const image = word.refine(
  (name) => parseServiceImage(name) !== undefined,
  "expected an image's name",
);

export const sideImagesSchema: z.ZodType<SideImagesAnswer> = z.object({
  protocol: whole,
  images: z.array(
    z.object({
      service: word,
      image,
      runs: digest.optional(),
      postgresMajor: line.optional(),
      newest: z
        .object({ digest, madeAt: time.optional(), postgresMajor: line.optional() })
        .optional(),
      isNewer: z.boolean(),
      isSettable: z.boolean(),
      problem: text.optional(),
    }),
  ),
});
