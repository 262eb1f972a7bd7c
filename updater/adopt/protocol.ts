/** What is said of a chat that something else deployed: the verbs `look-for-chat`, `adopt` and `forget`. */
import * as z from "zod";
import { directorySchema, jobBase, PROTOCOL } from "../protocol.ts";
import { configuration, releaseIdentity } from "../protocol/requests.ts";

export const lookRequestSchema = jobBase.pick({ protocol: true, directory: true, project: true });
export type LookRequest = z.infer<typeof lookRequestSchema>;

/** A chat that Docker Compose runs and that this tool has nothing to do with. */
export interface FoundChat {
  /** Compose's folder: where its files were when it was started. */
  directory: string;
  /** The commit that is checked out there, where it is a git repository. */
  commit?: string;
  /** Where the chat is published on the host; absent: nowhere. */
  listen?: { address: string; port: number };
  /** Docker's names of the volumes with the data; absent: they are in none. */
  databaseVolume?: string;
  filesVolume?: string;
  /** What stands in the `.env` there. Secret. */
  variables: Record<string, string>;
  /** Names of those that the server's container really has with that value. */
  effective: string[];
  /** Services that run besides the chat and its database. */
  services: string[];
}

export type LookAnswer =
  | { answer: "found"; chat: FoundChat }
  /** Why there is nothing to take over. */
  | { answer: "refused"; reasons: string[] };

export const adoptRequestSchema = jobBase.omit({ instanceId: true }).extend({
  /** What serves, as the operator's side knows it. */
  release: releaseIdentity,
  /** What the stack will ask for from now on. */
  configuration,
  /** The uploaded archive of the commit's tree. */
  archive: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
});
export type AdoptRequest = z.infer<typeof adoptRequestSchema>;

export type AdoptAnswer =
  | {
      answer: "adopted";
      instanceId: string;
      /** What the next `pulumi up` will change by a restart; empty: nothing. */
      differences: string[];
      /** Files of the operator's that have another name now. */
      renamed: string[];
    }
  /** Nothing was changed: the release's tree has to be sent first. */
  | { answer: "wanted" }
  /** Nothing of what runs was changed. */
  | { answer: "refused"; reasons: string[] };

export const forgetRequestSchema = z.object({
  protocol: z.literal(PROTOCOL),
  directory: directorySchema,
});
export type ForgetRequest = z.infer<typeof forgetRequestSchema>;

export type ForgetAnswer =
  | {
      answer: "forgotten";
      /** Where the instance's own files are now. */
      kept: string;
      /** Files of the operator's that have their name again. */
      restored: string[];
    }
  | { answer: "refused"; reasons: string[] };
