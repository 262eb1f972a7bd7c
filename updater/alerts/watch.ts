/** What the timer starts: one look at the server, and the message that may come of it. */
import { messageOf } from "../../common/errors.ts";
import { writeFileDurably } from "../files.ts";
import { inspectServer } from "../inspect.ts";
import { readInstance } from "../instance.ts";
import { instancePaths } from "../paths.ts";
import { readAlertSettings, readWatched, type Watched } from "./alerts.ts";
import { findConditions, type Found } from "./conditions.ts";
import { afterTelling, decide, isSilent } from "./decide.ts";
import { channelsOf, deliver } from "./deliver.ts";
import { letterOf } from "./letter.ts";
import { type AlertSettings, CONDITIONS } from "./protocol.ts";

/** How the looking is done, which tests replace. */
export interface WatchOptions {
  /** @default what the server says of itself */
  find?: (settings: AlertSettings, directory: string, project: string) => Promise<Found>;
  /** @default now */
  now?: Date;
}

/** @throws where a message could not be sent, so that systemd knows */
export async function watch(directory: string, options: WatchOptions = {}): Promise<void> {
  const { find = look, now = new Date() } = options;
  const paths = instancePaths(directory);
  const [instance, settings] = await Promise.all([readInstance(paths), readAlertSettings(paths)]);
  if (instance === undefined || settings === undefined) return;
  const before = await readWatched(paths);
  const found = await find(settings, directory, instance.project).catch(unreadable);
  const { memory, message } = decide(before?.memory ?? {}, found.conditions, found.unknown, now);
  const watched: Watched = { at: now.toISOString(), memory, problems: [] };
  let failed: string[] = [];
  if (isSilent(message)) {
    // A way that failed is known until a message has gone by it.
    watched.problems = before?.problems ?? [];
  } else {
    const sender = { directory, instanceId: instance.id };
    failed = await deliver(settings, letterOf(sender, memory, message));
    watched.problems = failed;
    // Told by one way is told; by none, the next look tries again.
    if (failed.length < channelsOf(settings).length)
      watched.memory = afterTelling(memory, message, now);
  }
  await writeFileDurably(paths.watched, JSON.stringify(watched));
  if (failed.length > 0) throw new Error(`an alert was not sent: ${failed.join("; ")}`);
}

async function look(settings: AlertSettings, directory: string, project: string): Promise<Found> {
  return findConditions(
    await inspectServer({ directory, project, volumes: [] }),
    settings,
    directory,
  );
}

/** A Docker that is away takes the chat with it, and says nothing of the rest. */
function unreadable(error: unknown): Found {
  return {
    conditions: [{ name: "chat", text: `the server can't be looked at: ${messageOf(error)}` }],
    unknown: CONDITIONS.filter((name) => name !== "chat"),
  };
}
