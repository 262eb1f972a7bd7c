/** What the updater answers to a request, and what it tells while a job runs. */
import type { LedgerRecord, Verdict } from "./records.ts";
import type { Configuration, JobKind } from "./requests.ts";

/** Where a switch publishes the chat, which is not always where it was asked to. */
export type PublishedAt = Configuration["listen"];

/** The answer to a submitted request. */
export type SubmitAnswer =
  /** A new job runs. */
  | { answer: "started"; sequence: number; instanceId: string; listen?: PublishedAt }
  /** The same request is being worked on already. */
  | { answer: "attached"; sequence: number; instanceId: string; listen?: PublishedAt }
  /** The server already is as asked, and healthy. */
  | { answer: "unchanged"; instanceId: string; serving?: LedgerRecord; listen?: PublishedAt }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };

/** The answer to a request to take something away. */
export type RemovedAnswer =
  | { answer: "removed" }
  /** Nothing was changed. */
  | { answer: "refused"; reasons: string[] };

/** What setting timers would come to. Nothing is changed for it, and nobody is told anything. */
export interface ForeseenTimers {
  /** Why they would be refused, as far as it can be known without a message to try the ways. */
  refusals: string[];
  /** Whether they are set so already. */
  isSet: boolean;
}

/** What would be answered to a request: a job would be opened for it, or what `submit` says as well. */
export type ForeseenAnswer =
  { answer: "would-start" } | Exclude<SubmitAnswer, { answer: "started" }>;

/** One line of a job's progress. */
export interface ProgressLine {
  at: string;
  step: string;
  text: string;
  /** A detail of the moment (a build's output) and no milestone. */
  detail?: boolean;
}

/** What `follow` prints, one JSON document a line. */
export type FollowLine =
  | { type: "progress"; offset: number; progress: ProgressLine }
  | { type: "verdict"; verdict: Verdict };

/** A job that has not ended. */
export interface OpenJob {
  sequence: number;
  kind: JobKind;
  requestedBy: string;
  openedAt: string;
  step: string;
  release?: { name: string; commit: string };
}
