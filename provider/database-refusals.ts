/**
 * How a release stands to the database that serves: why it can't be started on it, what will be done to
 * it, and which ways back there are where it doesn't know all of its migrations.
 */
import { counted } from "../common/text.ts";
import { compareMigrations } from "../release/compare.ts";
import { DATABASE_SERVICE } from "../release/compose-file.ts";
import type { DatabaseRollback } from "../settings/parse.ts";
import { chosenDatabase, firstOfEachWay } from "../updater/kept-databases.ts";
import type { WayBack } from "../updater/history-protocol.ts";
import type {
  AppliedMigration,
  DatabaseWay,
  ReleaseIdentity,
  ServerState,
  SwitchRequest,
} from "../updater/protocol.ts";
import { databaseName, sameDatabase } from "../updater/same-database.ts";
import { migrationName, releaseText } from "../updater/texts.ts";
import type { Wire } from "./codec.ts";
import { knownServerOf, servedLast } from "./place.ts";
import { labelled } from "./plan/render.ts";
import { identityOf } from "./release.ts";
import type { ResourceContext } from "./resource.ts";
import { rollbackInForce } from "./rollback-in-force.ts";
import type { ServerPlace } from "./server/remote-server.ts";
import { historyIfInstalled } from "./server/server-history.ts";
import { readUndoScripts } from "./undo-scripts.ts";

/** The way for the database as the server's request has it, with the operator's scripts. */
export async function rollbackOf(values: Wire): Promise<NonNullable<SwitchRequest["database"]>> {
  const { way, job, scripts: folder, backup } = values.rollback as DatabaseRollback;
  if (way !== "undo-scripts" || folder === undefined)
    return { way, job, ...(backup === undefined ? {} : { backup }) };
  const known = new Set(identityOf(values).migrations.map(({ version }) => version));
  const scripts = await readUndoScripts(folder);
  return { way, job, scripts: scripts.filter(({ version }) => !known.has(version)) };
}

/** Why this release can't be started on this server's database. */
export async function startRefusals(
  context: ResourceContext,
  news: Wire,
  state: ServerState,
): Promise<string[]> {
  const identity = identityOf(news);
  const refusals: string[] = [];
  // Its job has looked at all this before it put another database in the place of the one in the ledger.
  if (state.openJob?.kind === "switch") return refusals;

  const last = servedLast(state);
  const { directory } = news.place as ServerPlace;
  // Another job, such as one that restores a backup to prove it, may be why.
  if (state.databaseIsSilent === true && last?.serving !== undefined && state.openJob === undefined)
    return [silentText(directory)];

  const [known, found] = [last?.serving?.database, state.database?.identity];
  if (known !== undefined && found !== undefined && !sameDatabase(known, found))
    refusals.push(
      `The database is another one than this instance's (${databaseName(found)}, not ` +
        `${databaseName(known)}): it was emptied or replaced, and the chat would be empty. Nothing is ` +
        'changed. Put the data back into its volume: docs/recovery.md, "Restore the database".',
    );

  const obstacle = state.database?.obstacle;
  if (obstacle !== undefined && last !== undefined && last.release?.commit !== identity.commit)
    refusals.push(
      `The database can't be backed up before ${identity.name}: ${obstacle}. Nothing is changed.`,
    );

  refusals.push(...(await migrationRefusals(context, news, state)));
  return refusals;
}

/** As the job would refuse it; one that is stopped is started by the job. */
function silentText(directory: string): string {
  return (
    "The database runs but does not answer, so nothing is known of its migrations. Nothing was changed. See what " +
    `it says: npx chatalot logs ${DATABASE_SERVICE}. Where it hangs, start it anew on the server, as root: ` +
    `cd ${directory} && docker compose restart ${DATABASE_SERVICE}`
  );
}

async function migrationRefusals(
  context: ResourceContext,
  news: Wire,
  state: ServerState,
): Promise<string[]> {
  const identity = identityOf(news);
  const applied = state.database?.applied ?? servedLast(state)?.serving?.applied ?? [];
  const { missing, edited } = compareMigrations(applied, identity.migrations);
  const chosen = wayInForce(context, news, state);
  if (missing.length + edited.length === 0 && chosen === undefined) return [];
  if (chosen?.way === "undo-scripts" && edited.length === 0)
    return undoRefusals(context, identity, missing, chosen.scripts ?? "");
  if (chosen?.backup !== undefined) return tellRestore(context, identity, chosen.backup, state);
  const history = await historyIfInstalled(knownServerOf(news));
  const way = history?.waysBack.find(({ release: { commit } }) => commit === identity.commit);
  if (chosen !== undefined && chosen.way !== "undo-scripts")
    return refusalsOfWay(context, identity, chosen.way, way);
  const begin = `${identity.name} can't start on this database: `;
  const choice = choiceText(identity.name, state, way);
  return [
    ...(missing.length === 0
      ? []
      : [
          `${begin}it does not know ${counted(missing.length, "applied migration")}: ` +
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
): DatabaseRollback | undefined {
  const named = rollback as DatabaseRollback | undefined;
  if (named === undefined) return undefined;
  const chosen = rollbackInForce({ rollback }, { serving });
  if (chosen !== undefined) return chosen;
  context.warn(
    `"rollback.database" is left alone: it was for job ${named.job}, and ` +
      `${serving === undefined ? "nothing serves" : `job ${serving.sequence} brought what serves`}. ` +
      "Remove it: pulumi config rm rollback",
  );
  return undefined;
}

/**
 * The backup that becomes the database although the release may stay the same: then nothing else says that
 * there is something to do.
 */
export function restoredBackup(
  news: Wire,
  state: Pick<ServerState, "serving">,
): string | undefined {
  return rollbackInForce(news, state)?.backup;
}

/** The job looks at the backup itself, before it touches anything. */
function tellRestore(
  context: ResourceContext,
  release: ReleaseIdentity,
  name: string,
  { serving }: ServerState,
): string[] {
  context.tell(
    labelled(
      "RESTORE",
      `${releaseText(release)} gets the database of the backup ${name}, and the uploads that it has. ` +
        (serving === undefined
          ? "Nothing serves here yet."
          : "What was written since is not in it. The database of now is kept under another name, and newer " +
            "uploads are set aside; should it fail, both are as they are now."),
    ),
  );
  return [];
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
    labelled(
      "GO BACK",
      `${releaseText({ name, commit })} gets the database ` +
        `${chosen === undefined ? `of the newest ${way} that fits` : `of ${chosen.at} (${way} ${chosen.name})`}. ` +
        "What was written since is not in it. The database of now is kept under another name, and newer " +
        "uploads are set aside; should the release fail, both are as they are now.",
    ),
  );
  return [];
}

async function undoRefusals(
  context: ResourceContext,
  identity: ReleaseIdentity,
  missing: readonly AppliedMigration[],
  folder: string,
): Promise<string[]> {
  if (missing.length === 0)
    return [
      `There is nothing to undo: ${identity.name} knows all migrations of the database. Nothing was ` +
        "changed. Remove the setting: pulumi config rm rollback",
    ];
  const scripts = new Set((await readUndoScripts(folder)).map(({ version }) => version));
  const lacking = missing.filter(({ version }) => !scripts.has(version));
  if (lacking.length > 0)
    return [
      `There is no undo script in ${folder} for ${lacking.map(migrationName).join(", ")}. Nothing was ` +
        "changed. Put one file for each there, named like the migration.",
    ];
  context.tell(
    labelled(
      "GO BACK",
      `${releaseText(identity)} gets a copy of the database, with the undo scripts for ` +
        `${missing.map(migrationName).join(", ")} applied. They are tried first on another copy. The database ` +
        "of now is kept under another name; should the release fail, it is live again.",
    ),
  );
  return [];
}

function choiceText(name: string, state: ServerState, way: WayBack | undefined): string {
  const present = servedLast(state)?.release?.name;
  // A database that is stopped doesn't tell what was kept beside it.
  if (state.serving === undefined && present !== undefined)
    return [
      `  stay: pulumi config set release ${present}`,
      "  forward: a release that has these migrations",
      `  back: deploy ${present} again first, then: npx chatalot rollback --to ${name}`,
    ].join("\n");
  const back = firstOfEachWay(way?.databases ?? []);
  return [
    ...(present === undefined ? [] : [`  stay: pulumi config set release ${present}`]),
    "  forward: a release that has these migrations",
    ...back.map(
      (database) =>
        `  back: npx chatalot rollback --to ${name} --database ${database.way}\n` +
        `        (its data of ${database.at}; what was written since is set aside, not deleted)`,
    ),
    // Before the first look of this version, or where the release never was on this server.
    ...(way === undefined ? ["  back: see what can be gone back to: npx chatalot history"] : []),
    ...(way !== undefined && back.length === 0
      ? [
          `  back: npx chatalot rollback --to ${name} --database undo-scripts --scripts <folder with SQL>\n` +
            "        (no database of that time is kept: docs/rollback.md)",
        ]
      : []),
  ].join("\n");
}
