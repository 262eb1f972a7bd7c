/** What is said of a chat that moves to another server: the verbs `pause` and `resume`. */
import * as z from "zod";
import { directorySchema, PROTOCOL } from "../protocol.ts";

export const moveRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
});
export type MoveRequest = z.infer<typeof moveRequestSchema>;

export type PauseAnswer =
  /** Nobody can write any more; the services that were stopped, the server's own first. */
  | { answer: "paused"; services: string[] }
  /** Nothing was stopped. */
  | { answer: "refused"; reasons: string[] };

export type ResumeAnswer =
  /** What was committed runs again; why it is not healthy, where it is not. */
  { answer: "resumed"; problem?: string } | { answer: "refused"; reasons: string[] };
