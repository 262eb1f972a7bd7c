/**
 * `chatalot rollback`: puts release, env and profiles of an earlier update back into the stack's settings,
 * and runs pulumi.
 */
import { readFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../common/errors.ts";
import { pinned } from "../release/reference.ts";
import { historyOf } from "../provider/server/server-history.ts";
import { writeFileDurably } from "../updater/files.ts";
import { DATABASE_WAYS, type DatabaseWay } from "../updater/protocol.ts";
import { UsageError } from "./exit-codes.ts";
import { readHistory, type StackHistory } from "./history.ts";
import type { ConfigValue, PulumiUpdate } from "./history/pulumi-history.ts";
import { NAMESPACE } from "./init/stack-file.ts";
import { planText, type RollbackPlan } from "./rollback/plan.ts";
import { previewDraft, putSecretsBack, type RunEnd, runUp } from "./run/up.ts";
import { changedNames, type EarlierSettings, stackFileOf, withEarlier } from "./run/stack-file.ts";
import { chooseTarget, databaseFor, type Target } from "./rollback/target.ts";
import { agrees, ask, type Ask, canAsk, type CommandContext, requirePerson } from "./terminal.ts";

export interface RollbackOptions {
  /** A job's number, a tag or a commit. Default: the release that served before this one. */
  to?: string;
  /** What the database becomes where the release doesn't know all of its migrations. Default: `refuse`. */
  database?: string;
  /** For `undo-scripts`: the folder with the SQL. */
  scripts?: string;
  /** Puts `secretEnv` back, too. */
  withSecrets?: boolean;
  /** Shows what would be done, with pulumi's preview, and changes nothing. */
  preview?: boolean;
  /** Asks nothing, and shows no preview before. */
  yes?: boolean;
}

/** How it ended. */
export type RollbackResult = RunEnd | "previewed" | "declined";

/** @throws UserError where it can't be done; nothing was changed then */
export async function rollback(
  stack: string | undefined,
  options: RollbackOptions,
  context: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<RollbackResult> {
  const way = wayOf(options.database);
  const scripts = scriptsFor(way, options.scripts);
  const { preview = false, yes = false, withSecrets = false } = options;
  const history = await readHistory(stack, context.tell, withSecrets);
  const target = chooseTarget(history.entries, options.to);
  const database = databaseFor(target, way);
  const update = updateOf(history, target);
  const { serving } = await history.server.state();
  const databaseImage = serving?.serving?.postgres?.image;
  const earlier = { ...earlierSettings(history, target, update), databaseImage };
  const plan: RollbackPlan = {
    ...{ target, withSecrets, database },
    serving: history.entries.find(({ back }) => back?.state === "serves"),
    changes: changesOf(history.updates[0], earlier, update !== undefined),
    loss:
      database === undefined || database.way === "undo-scripts"
        ? undefined
        : (await historyOf(history.server, context.tell, database.name)).loss,
  };
  for (const line of planText(plan)) context.tell(line);
  context.tell("");
  requirePerson(preview || yes, question);
  if (withSecrets && update === undefined)
    throw new UserError(
      `secretEnv can't go back: Pulumi's history doesn't have the update of job ${target.job}. ` +
        'Leave "--with-secrets" away.',
    );

  const file = await stackFileOf(stack);
  // Pulumi tells the format of a file by its name.
  const draft = join(dirname(file.path), `.rollback.${basename(file.path)}`);
  const job = history.instance.serving;
  const run =
    database === undefined || job === undefined
      ? undefined
      : { database: database.way, job, ...(scripts === undefined ? {} : { scripts }) };
  try {
    await writeFileDurably(draft, withEarlier(file.text, earlier, run));
    if (withSecrets) await putSecretsBack(stack, draft, update?.config?.[key("secretEnv")]);
    // Where nobody would read it before, up refuses by itself what the preview would refuse.
    const isShown = preview || !yes;
    if (isShown) await previewDraft(stack, draft);
    if (preview) return "previewed";
    if (!yes && !(await agrees(question, "\nGo back?"))) return "declined";
    const aim = {
      ...{ server: history.server, commit: target.release.commit, onlyForThisRun: "rollback" },
      underWay:
        "The rollback may go on at the server. Follow it: pulumi up. When it is done: pulumi config rm rollback",
      served:
        "names the release that serves now. If it is kept in git, commit it: whatever deploys from there " +
        "goes forward again otherwise.",
      lookAt: '"release" and "rollback"',
    };
    return await runUp(stack, file, await readFile(draft, "utf8"), aim, context);
  } finally {
    await rm(draft, { force: true });
  }
}

function wayOf(text = "refuse"): DatabaseWay | "refuse" {
  const ways = ["refuse", ...DATABASE_WAYS] as const;
  const way = ways.find((known) => known === text);
  if (way === undefined)
    throw new UsageError(
      `The way for the database is not known: ${JSON.stringify(text)}. Choose one: ${ways.join(", ")}`,
    );
  return way;
}

/** Pulumi runs the program in another folder than this one. */
function scriptsFor(way: DatabaseWay | "refuse", folder: string | undefined): string | undefined {
  if ((way === "undo-scripts") === (folder !== undefined))
    return folder === undefined ? undefined : resolve(folder);
  throw new UsageError(
    folder === undefined
      ? 'The undo scripts are not known: "--database undo-scripts" needs "--scripts <folder>".'
      : '"--scripts" is for "--database undo-scripts" only. Leave one of them away, or give both.',
  );
}

function key(name: string): string {
  return `${NAMESPACE}:${name}`;
}

/** The run of Pulumi that brought the target, which has its settings. */
function updateOf({ updates }: StackHistory, { pulumi }: Target): PulumiUpdate | undefined {
  return pulumi === undefined
    ? undefined
    : updates.find(({ startTime }) => startTime === pulumi.startedAt);
}

/** Without the run of Pulumi the ledger knows the profiles, and nobody the variables. */
function earlierSettings(
  { instance }: StackHistory,
  target: Target,
  update: PulumiUpdate | undefined,
): EarlierSettings {
  const release = pinned(target.release);
  if (update === undefined) {
    const profiles = instance.jobs.find(({ sequence }) => sequence === target.job)?.profiles;
    return { release, profiles: { objectValue: profiles ?? [], secret: false } };
  }
  const setting = (name: string): ConfigValue =>
    update.config?.[key(name)] ?? { value: "", secret: false };
  return {
    release,
    env: setting("env"),
    profiles: setting("profiles"),
    sideImages: setting("sideImages"),
  };
}

/** Names of what changes; undefined where the variables of then are not known. */
function changesOf(
  present: PulumiUpdate | undefined,
  { env, profiles, sideImages }: EarlierSettings,
  isKnown: boolean,
): string[] | undefined {
  if (!isKnown) return undefined;
  return Object.entries({ env, profiles, sideImages }).flatMap(([name, value]) =>
    value === undefined ? [] : changedNames(present?.config?.[key(name)], value),
  );
}
