/** `chatalot upgrade-database`: the database to a newer major version of PostgreSQL: shown, asked for, done. */
import { UserError } from "../../common/errors.ts";
import { parseServiceImage, postgresMajorOf } from "../../common/image-reference.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import type { ServerState } from "../../updater/protocol.ts";
import { DATABASE_SERVICE } from "../../release/compose-file.ts";
import { changeStack, takenBackJob } from "../run/change.ts";
import { withDatabaseUpgrade } from "../run/stack-file.ts";
import { settingsOfStack } from "../stack.ts";
import { ask, type Ask, canAsk, type CommandContext, requirePerson } from "../terminal.ts";
import type { UpdateResult } from "../updates.ts";

export interface UpgradeOptions {
  /** The image, with the major version at the beginning of its tag. Default: the next version of the present one. */
  to?: string;
  /** Tries once more what was taken back. */
  retry?: boolean;
  /** Asks nothing; what the preview refuses is not done. */
  yes?: boolean;
}

/**
 * Writes the setting `databaseImage`, previews it, asks, and runs pulumi. Where it fails, the stack file is as
 * before, and so is the database.
 *
 * @throws UserError where it can't be done; nothing was changed then
 */
export async function upgradeDatabase(
  stack: string | undefined,
  { to, retry = false, yes = false }: UpgradeOptions,
  context: Pick<CommandContext, "tell">,
  question: Ask = canAsk() ? ask : undefined,
): Promise<UpdateResult> {
  const { place, settings } = await settingsOfStack(stack);
  const server = RemoteServer.at(place);
  const state = await server.state();
  const { serving } = state;
  const commit = serving?.release?.commit;
  if (serving === undefined || commit === undefined)
    throw new UserError("There is nothing to upgrade: nothing serves. Deploy first: pulumi up");
  const image = imageFor(to, state);
  if (image === undefined) {
    context.tell(`The database is of PostgreSQL ${majorOf(state)} already.`);
    return "nothing-to-do";
  }
  requirePerson(yes, question);
  const job = retry ? takenBackJob("An upgrade of the database", commit, state) : undefined;
  if (settings.sideImages[DATABASE_SERVICE] !== undefined)
    context.tell(
      `sideImages.${DATABASE_SERVICE} is of the version before, and is taken out of the stack file.`,
    );
  const change = {
    ...{ name: "upgrade", question: "Upgrade the database?" },
    edit: (text: string) => withDatabaseUpgrade(text, image, job),
    aim: {
      ...{ server, commit, before: serving.sequence },
      underWay: "The upgrade may go on at the server. Follow it: pulumi up",
      served: `has databaseImage ${image}. The volume of before is kept: npx chatalot status`,
      lookAt: '"databaseImage"',
    },
  };
  return changeStack(stack, change, { yes, question }, context);
}

function majorOf({ serving, database }: Pick<ServerState, "serving" | "database">): number {
  const major = serving?.serving?.postgres?.major ?? database?.postgresMajor;
  if (major === undefined)
    throw new UserError(
      "The database can't be upgraded: it does not answer, so its version is not known. See npx chatalot status",
    );
  return major;
}

/**
 * The image to upgrade to; undefined where that version is there already.
 *
 * @throws UserError for an older version, or an image whose tag names none
 */
export function imageFor(
  to: string | undefined,
  state: Pick<ServerState, "serving" | "database">,
): string | undefined {
  const present = majorOf(state);
  const running = parseServiceImage(state.serving?.serving?.postgres?.image ?? "")?.name;
  const image = to ?? `${running ?? "postgres"}:${present + 1}`;
  const major = postgresMajorOf(image);
  if (major === undefined)
    throw new UserError(
      `The database can't be upgraded to ${JSON.stringify(image)}: its tag does not begin with a major version of ` +
        "PostgreSQL. Name one: npx chatalot upgrade-database --to postgres:18",
    );
  if (major < present)
    throw new UserError(
      `The database can't be brought to ${image}: its data are of PostgreSQL ${present}, and an older version does ` +
        "not read them.",
    );
  return major === present ? undefined : image;
}
