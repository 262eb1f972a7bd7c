/**
 * How a release stands to the database that serves: why it can't be started on it, what will be done to
 * it, and which ways back there are where it doesn't know all of its migrations.
 */
import { compareMigrations } from "../release/compare.ts";
import type { DatabaseRollback } from "../settings/parse.ts";
import { chosenDatabase } from "../updater/kept-databases.ts";
import type {
  DatabaseWay,
  ReleaseIdentity,
  ServerState,
  SwitchRequest,
  WayBack,
} from "../updater/protocol.ts";
import { sameDatabase } from "../updater/same-database.ts";
import { migrationName, releaseText, repeatedRevert } from "../updater/texts.ts";
import type { Wire } from "./codec.ts";
import { knownServerOf } from "./place.ts";
import { identityOf } from "./release.ts";
import type { Refusal, ResourceContext } from "./resource.ts";
import { historyIfInstalled } from "./server/server-history.ts";

/** The way for the database as the server's request has it. */
export function rollbackOf(values: Wire): NonNullable<SwitchRequest["database"]> {
  return values.rollback as DatabaseRollback;
}

/** Why this release can't be started on this server's database, or was given up before. */
export async function databaseRefusals(
  context: ResourceContext,
  news: Wire,
  state: ServerState,
): Promise<Refusal[]> {
  const identity = identityOf(news);
  const refusals: string[] = [];
  const serves = state.serving?.release?.commit === identity.commit;
  const reverted = state.reverted.find(({ commit }) => commit === identity.commit);
  if (reverted !== undefined && !serves && reverted.sequence !== news.retry)
    refusals.push(repeatedRevert(identity.name, reverted));

  const [known, found] = [state.serving?.serving?.database, state.database?.identity];
  if (known !== undefined && found !== undefined && !sameDatabase(known, found))
    refusals.push(
      `The database is another one than this instance's (system ${found.systemIdentifier}, not ` +
        `${known.systemIdentifier}): it was emptied or replaced, and the chat would be empty. Nothing is ` +
        "changed. Put the data back into its volume.",
    );

  const obstacle = state.database?.obstacle;
  if (obstacle !== undefined && !serves && state.serving !== undefined)
    refusals.push(
      `The database can't be backed up before ${identity.name}: ${obstacle}. Nothing is changed.`,
    );

  refusals.push(...(await migrationRefusals(context, news, state)));
  return refusals.map((reason) => ({ property: "", reason }));
}

async function migrationRefusals(
  context: ResourceContext,
  news: Wire,
  state: ServerState,
): Promise<string[]> {
  const identity = identityOf(news);
  const applied = state.database?.applied ?? state.serving?.serving?.applied ?? [];
  const { missing, edited } = compareMigrations(applied, identity.migrations);
  const chosen = wayInForce(context, news, state);
  if (missing.length + edited.length === 0 && chosen === undefined) return [];
  const history = await historyIfInstalled(knownServerOf(news));
  const way = history?.waysBack.find(({ release: { commit } }) => commit === identity.commit);
  if (chosen !== undefined) return refusalsOfWay(context, identity, chosen, way);
  const begin = `${identity.name} can't start on this database: `;
  const choice = choiceText(identity.name, state, way);
  return [
    ...(missing.length === 0
      ? []
      : [
          `${begin}it does not know ${count(missing.length, "applied migration")}: ` +
            `${missing.map(migrationName).join(", ")}. Nothing was changed. Choose:\n${choice}`,
        ]),
    ...(edited.length === 0
      ? []
      : [
          `${begin}it has other content for ${edited.map(({ release }) => migrationName(release)).join(", ")}. ` +
            "Choose a release that keeps applied migrations as they are.",
        ]),
  ];
}

/** The way that the settings name, if it is meant for what serves now. */
function wayInForce(
  context: ResourceContext,
  { rollback }: Wire,
  { serving }: ServerState,
): DatabaseWay | undefined {
  const named = rollback as DatabaseRollback | undefined;
  if (named === undefined) return undefined;
  if (named.job === serving?.sequence) return named.way;
  context.warn(
    `"rollback.database" is left alone: it was for job ${named.job}, and ` +
      `${serving === undefined ? "nothing serves" : `job ${serving.sequence} brought what serves`}. ` +
      "Remove it: pulumi config rm rollback",
  );
  return undefined;
}

/** What the job will find for itself is only told; it refuses what doesn't fit before it stops anything. */
function refusalsOfWay(
  context: ResourceContext,
  { name, commit }: ReleaseIdentity,
  way: DatabaseWay,
  back: WayBack | undefined,
): string[] {
  const chosen = chosenDatabase(back?.databases ?? [], way);
  if (chosen === undefined && back !== undefined) {
    const others = [...new Set(back.databases.map((database) => database.way))];
    return [
      `There is no ${way} that ${name} can start on. Nothing was changed. ` +
        (others.length === 0
          ? "Choose a newer release."
          : `Choose another way: pulumi config set --path rollback.database ${others.join(" or ")}`),
    ];
  }
  context.tell(
    `ROLLBACK  ${releaseText({ name, commit })} gets the database ` +
      `${chosen === undefined ? `of the newest ${way} that fits` : `of ${chosen.at} (${way} ${chosen.name})`}. ` +
      "What was written since is not in it. The database of now is kept under another name, and newer " +
      "uploads are set aside; should the release fail, both are as they are now.",
  );
  return [];
}

function choiceText(name: string, { serving }: ServerState, way: WayBack | undefined): string {
  const present = serving?.release?.name;
  const back = (way?.databases ?? []).filter(
    ({ way: kind }, index, all) => all.findIndex((other) => other.way === kind) === index,
  );
  return [
    ...(present === undefined ? [] : [`  stay: pulumi config set release ${present}`]),
    "  forward: a release that has these migrations",
    ...back.map(
      (database) =>
        `  back: npx chatalot rollback --to ${name} --database ${database.way}\n` +
        `        (its data of ${database.at}; what was written since is set aside, not deleted)`,
    ),
    ...(back.length === 0 ? ["  back: no database of that time is kept (docs/rollback.md)"] : []),
  ].join("\n");
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
