/**
 * What is said of the room for an update: the verb `foresee-room`. As all of the conversation (protocol.ts), a
 * change that an older build would misread raises PROTOCOL.
 */
import * as z from "zod";
import { jobBase } from "./protocol.ts";

/** Asks whether J1 of an update would find too little room now. Nothing is changed by it. */
export const roomRequestSchema = jobBase
  .pick({ protocol: true, directory: true, project: true, volumes: true })
  .extend({
    /** How much will be done to the database; 0: nothing. */
    changes: z.number().int().min(0).max(100_000),
    /** Whether the database is brought to another major version. */
    isUpgrade: z.boolean(),
  });
export type RoomRequest = z.infer<typeof roomRequestSchema>;

export interface RoomAnswer {
  /** Why J1 would refuse it, with what can be freed; none where there is room. */
  refusals: string[];
}
