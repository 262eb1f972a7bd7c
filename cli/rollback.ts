/**
 * `chatalot rollback`: puts release, env and profiles of an earlier update back into the stack's settings,
 * and runs pulumi.
 */
import { resolve } from "node:path";
import { UserError } from "../common/errors.ts";
import { pinned } from "../release/reference.ts";
import { historyOf } from "../provider/server/server-history.ts";
import { DATABASE_WAYS, type DatabaseWay } from "../updater/protocol.ts";
import { UsageError } from "./exit-codes.ts";
import { readHistory, type StackHistory } from "./history.ts";
import type { ConfigValue, PulumiUpdate } from "./history/pulumi-history.ts";
import { NAMESPACE } from "./init/stack-file.ts";
import { planText, type RollbackPlan } from "./rollback/plan.ts";
import { type ChangeResult, changeStack } from "./run/change.ts";
import { putSecretsBack } from "./run/up.ts";
import { changedNames, type EarlierSettings, withEarlier } from "./run/stack-file.ts";
import { chooseTarget, databaseFor, type Target } from "./rollback/target.ts";
import { ask, type Ask, canAsk, type CommandContext, requirePerson } from "./terminal.ts";

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
  /** Asks nothing; the preview is shown all the same, and stops what can't work. */
  yes?: boolean;
}

/** @throws UserError where it can't be done; nothing was changed then */
export async function rollback(
  stack: string | undefined,
  options: RollbackOptions,
  context: CommandContext,
  question: Ask = canAsk() ? ask : undefined,
): Promise<ChangeResult> {
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

  const run =
    database === undefined
      ? undefined
      : {
          ...{ database: database.way, job: history.instance.serving ?? 0 },
          ...(scripts === undefined ? {} : { scripts }),
        };
  const change = {
    ...{ name: "rollback", question: "Go back?" },
    edit: (text: string) => withEarlier(text, earlier, run),
    complete: async (draft: string) => {
      if (withSecrets) await putSecretsBack(stack, draft, update?.config?.[key("secretEnv")]);
    },
    aim: {
      ...{ server: history.server, commit: target.release.commit, onlyForThisRun: "rollback" },
      ...(history.instance.serving === undefined ? {} : { before: history.instance.serving }),
      underWay:
        "The rollback may go on at the server. Follow it: pulumi up. When it is done: pulumi config rm rollback",
      served:
        "names the release that serves now. If it is kept in git, commit it: whatever deploys from there " +
        "goes forward again otherwise.",
      lookAt: '"release" and "rollback"',
    },
  };
  return changeStack(stack, change, { yes, question, previewOnly: preview }, context);
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
