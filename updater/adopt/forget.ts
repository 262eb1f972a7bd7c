/**
 * Lets a server go: what runs goes on, this tool's timers go, and the directory is one that Docker Compose
 * alone works in. Nothing is deleted. Every part may be repeated; that there is no instance any more comes last.
 */
import { rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { alertsUnit } from "../alerts/units.ts";
import {
  nameExists,
  readFileIfThere,
  removeDurably,
  syncDirectory,
  writeFileDurably,
} from "../files.ts";
import { readInstance } from "../instance.ts";
import { Ledger } from "../ledger.ts";
import { obstacleOf } from "../obstacle.ts";
import { type InstancePaths, instancePaths } from "../paths.ts";
import { directoryLinks, linkState } from "../release-files.ts";
import { routineUnits } from "../schedule/units.ts";
import { noInstance } from "../submit.ts";
import { withSubmitLock } from "../submit-lock.ts";
import { disarmUnit } from "../unit.ts";
import { removeUnits } from "../unit-files.ts";
import type { ForgetAnswer, ForgetRequest } from "./protocol.ts";

/** What the adoption left of itself. */
interface Adopted {
  sequence: number;
  renamed: string[];
}

export async function forget({ directory }: ForgetRequest): Promise<ForgetAnswer> {
  const paths = instancePaths(directory);
  return withSubmitLock(paths, async () => {
    const reasons = await refusals(paths);
    if (reasons.length > 0) return { answer: "refused", reasons };
    await removeUnits([...routineUnits(directory), alertsUnit(directory)]);
    await disarmUnit(directory).catch(() => undefined);
    const { serving } = await Ledger.read(paths);
    const adopted = await readAdopted(paths);
    const isAsFound = adopted !== undefined && serving?.sequence === adopted.sequence;
    if (!isAsFound) await makeFilesOfLinks(paths);
    await removeLinks(paths);
    const restored = isAsFound ? await giveNamesBack(paths, adopted.renamed) : [];
    const kept = `${paths.state}.forgotten-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}`;
    await rename(paths.state, kept);
    await syncDirectory(dirname(kept));
    return { answer: "forgotten", kept, restored };
  });
}

async function refusals(paths: InstancePaths): Promise<string[]> {
  if ((await readInstance(paths)) === undefined) return [noInstance(paths)];
  const obstacle = await obstacleOf(paths);
  return obstacle === undefined ? [] : [obstacle];
}

async function readAdopted(paths: InstancePaths): Promise<Adopted | undefined> {
  const text = await readFileIfThere(paths.adopted);
  return text === undefined ? undefined : (JSON.parse(text) as Adopted);
}

/** What was a link into a release becomes a file: `docker compose up -d` then works on as it did. */
async function makeFilesOfLinks(paths: InstancePaths): Promise<void> {
  for (const path of [paths.composeFile, paths.environmentFile]) {
    const text = await readFileIfThere(path);
    if (text !== undefined) await writeFileDurably(path, text);
  }
}

/** Only what is still a link of ours. */
async function removeLinks(paths: InstancePaths): Promise<void> {
  for (const { path, target } of directoryLinks(paths, "")) {
    const state = await linkState(path, target);
    if (state === "right" || state === "elsewhere") await removeDurably(path);
  }
}

async function giveNamesBack(paths: InstancePaths, renamed: readonly string[]): Promise<string[]> {
  const restored: string[] = [];
  for (const name of renamed) {
    const [aside, path] = [name, name.replace(/\.edited-\d+(?:-\d+)?$/, "")].map((file) =>
      join(paths.directory, file),
    ) as [string, string];
    if (!(await nameExists(aside)) || (await nameExists(path))) continue;
    await rename(aside, path);
    restored.push(basename(path));
  }
  await syncDirectory(paths.directory);
  return restored;
}
