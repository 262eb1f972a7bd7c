/** What a request comes to: whether anything is to be done for it, and the plan of the job that does it. */
import { join } from "node:path";
import { postgresMajorOf } from "../common/image-reference.ts";
import { backupWork } from "./backup-work.ts";
import { readBackup } from "./backups.ts";
import { readDrift } from "./drift.ts";
import { readComposeFile } from "./drivers/compose/image.ts";
import { composeFacts } from "../release/compose-facts.ts";
import { sideImageProblems, sideImagesOf, withDatabaseImage } from "../release/side-images.ts";
import { ComposeDriver } from "./drivers/compose/compose-driver.ts";
import { nameExists } from "./files.ts";
import { ensureSecrets, type Instance } from "./instance.ts";
import type { JobPlan } from "./job.ts";
import type { Ledger } from "./ledger.ts";
import { guardedListen, type Listen } from "./owner-guard.ts";
import type { InstancePaths } from "./paths.ts";
import { type Placement, placementOf, upgradeVolumeName } from "./placed-database.ts";
import { backupProblems, upgradeProblems } from "./upgrade-problems.ts";
import type {
  JobRequest,
  LedgerRecord,
  PlacedDatabase,
  SubmitAnswer,
  SwitchRequest,
} from "./protocol.ts";
import { configurationDigest, type Rendered, writeRelease } from "./rendered-release.ts";
import { repeatedRevert } from "./texts.ts";
import { triedBefore } from "./tried-before.ts";

/** Where Chatalot keeps its accounts. */
const USERS_TABLE = "public.users";

/** Why no job can do what a request asks for. */
type Refused = Extract<SubmitAnswer, { answer: "refused" }>;

/** What a request comes to. */
export interface Work {
  /** What the request asks for, as a value to compare with another request's. */
  wanted: unknown;
  /** The server already is so. */
  unchanged: boolean;
  serving: { serving?: LedgerRecord };
  /** For a switch: where it publishes the chat. */
  published?: { listen: Listen };
  plan(sequence: number): Promise<JobPlan>;
}

export async function prepareWork(
  paths: InstancePaths,
  instance: Instance,
  request: JobRequest,
  ledger: Ledger,
): Promise<Work | Refused> {
  const driver = new ComposeDriver(paths, request.project);
  const serving = ledger.serving;
  const base = {
    kind: request.kind,
    instanceId: instance.id,
    project: request.project,
    requestedBy: request.requestedBy,
    ...(serving === undefined ? {} : { previous: serving }),
  };
  const reported = serving === undefined ? {} : { serving };
  if (request.kind === "remove") {
    const last = ledger.lastServing;
    return {
      wanted: { kind: "remove" },
      unchanged: serving === undefined && (await driver.server()) === undefined,
      serving: reported,
      plan: async () => ({ ...base, ...(last === undefined ? {} : { previous: last }) }),
    };
  }
  if (request.kind === "prepare")
    return {
      wanted: {
        kind: "prepare",
        commit: request.release.commit,
        ...(request.images === undefined ? {} : { images: request.images }),
      },
      // What was just sent is listed, but nobody has flushed it yet.
      unchanged:
        request.images?.source !== "sent" &&
        (await isPrepared(paths, driver, request.release.commit)),
      serving: reported,
      plan: async () => ({
        ...base,
        release: request.release,
        ...(request.archive === undefined ? {} : { archive: request.archive }),
        ...(request.images === undefined ? {} : { images: request.images }),
      }),
    };

  if (request.kind !== "switch") return backupWork(paths, request, base, ledger);

  const { commit, name } = request.release;
  if (!(await isPrepared(paths, driver, commit)))
    return {
      answer: "refused",
      reasons: [
        `${name} is not prepared on this server: its tree or image is missing. Run pulumi up.`,
      ],
    };
  return switchWork(paths, driver, request, base, ledger);
}

async function switchWork(
  paths: InstancePaths,
  driver: ComposeDriver,
  asked: SwitchRequest,
  base: Omit<JobPlan, "target">,
  ledger: Ledger,
): Promise<Work | Refused> {
  const { serving } = ledger;
  const { commit, name } = asked.release;
  const listen = await listenFor(paths, driver, asked, ledger);
  const request = { ...asked, configuration: { ...asked.configuration, listen } };
  const image = driver.imageName(commit);
  const composeText = await readComposeFile(join(paths.trees, commit));
  const { image: releaseImage = "" } = composeFacts(composeText).database;
  const running = (await driver.database())?.postgresMajor;
  const placement = placementOf({
    configuration: request.configuration,
    ...{ releaseImage, running },
    last: ledger.lastServing?.serving,
  });
  if ("problem" in placement) return { answer: "refused", reasons: [placement.problem] };
  const major = placement.placed?.major ?? running ?? postgresMajorOf(releaseImage);
  const problems = [
    ...sideImageProblems(
      request.configuration.sideImages ?? {},
      withDatabaseImage(sideImagesOf(composeText), placement.image),
    ),
    ...upgradeProblems(placement, request, ledger),
    ...(await backupProblems(paths, request, ledger, major)),
  ];
  if (problems.length > 0) return { answer: "refused", reasons: problems };
  const secrets = await ensureSecrets(paths, request.secrets);
  if (secrets === undefined)
    return {
      answer: "refused",
      reasons: ["The server has no secrets, and none came with the request."],
    };
  const rendered = {
    ...request,
    ...(placement.image === undefined ? {} : { databaseImage: placement.image }),
  };
  // Without the volume: an upgrade shows in the image already, and a request for what it brought is the same.
  const digest = await configurationDigest(paths, rendered, image, secrets);
  const same =
    serving?.release?.commit === commit && serving.serving?.configurationDigest === digest;
  const { database, retry } = request;
  const databaseWay: Pick<
    NonNullable<JobPlan["target"]>,
    "databaseWay" | "databaseBackup" | "undoScripts"
  > = database === undefined || database.job !== (serving?.sequence ?? 0)
    ? {}
    : {
        databaseWay: database.way,
        ...(database.backup === undefined ? {} : { databaseBackup: database.backup }),
        ...(database.scripts === undefined ? {} : { undoScripts: database.scripts }),
      };
  const { databaseBackup } = databaseWay;
  const tried = triedBefore(ledger.reverted, serving, {
    ...{ commit, configurationDigest: digest, databaseBackup, retry },
  });
  if (tried !== undefined) return { answer: "refused", reasons: [repeatedRevert(name, tried)] };
  return {
    wanted: { kind: "switch", commit, digest, retry, ...databaseWay },
    unchanged:
      same && databaseBackup === undefined && (await runsAsCommitted(paths, driver, serving)),
    serving: serving === undefined ? {} : { serving },
    published: { listen },
    plan: async (sequence) => {
      const place = placedTarget(placement, request, ledger, sequence);
      return {
        ...base,
        release: request.release,
        target: {
          ...place,
          releaseDirectory: await writeRelease(
            paths,
            withVolume(rendered, place.postgres),
            image,
            secrets,
            sequence,
          ),
          configurationDigest: digest,
          image,
          profiles: request.configuration.profiles,
          listen,
          gate: request.gate,
          keepReleases: request.keepReleases,
          keepBackups: request.keepBackups,
          keepRevertPoints: request.keepRevertPoints,
          filesVolume: request.configuration.filesVolume,
          ...databaseWay,
          ...(request.hookTimeLimit === undefined ? {} : { hookTimeLimit: request.hookTimeLimit }),
        },
      };
    },
  };
}

/** What the job is told of the database's place. Until an upgrade is made its data lie where they lay. */
function placedTarget(
  { placed }: Placement,
  { configuration }: SwitchRequest,
  { lastServing }: Ledger,
  sequence: number,
): Pick<NonNullable<JobPlan["target"]>, "databaseVolume" | "postgres" | "isUpgrade"> {
  const present = lastServing?.serving?.postgres?.volume ?? configuration.databaseVolume;
  if (placed === undefined) return { databaseVolume: present };
  const { image, major, volume } = placed;
  return {
    databaseVolume: volume ?? present,
    postgres: {
      ...{ image, major },
      volume: volume ?? upgradeVolumeName(configuration, major, sequence),
    },
    ...(volume === undefined ? { isUpgrade: true } : {}),
  };
}

function withVolume(rendered: Rendered, postgres: PlacedDatabase | undefined): Rendered {
  if (postgres === undefined) return rendered;
  const configuration = { ...rendered.configuration, databaseVolume: postgres.volume };
  return { ...rendered, configuration };
}

/** Decided here, since only the server knows at this moment whether somebody owns the chat. */
async function listenFor(
  paths: InstancePaths,
  driver: ComposeDriver,
  { configuration, database }: SwitchRequest,
  { lastServing }: Ledger,
): Promise<Listen> {
  const hasAccounts =
    lastServing === undefined && database?.backup !== undefined
      ? await backupHasAccounts(paths, database.backup)
      : (await driver.database())?.hasAccounts;
  return guardedListen(configuration, {
    ...(lastServing?.serving === undefined ? {} : { last: lastServing.serving }),
    ...(hasAccounts === undefined ? {} : { hasAccounts }),
  });
}

/** The content of a backup was counted in the very snapshot that it was made from. */
async function backupHasAccounts(paths: InstancePaths, name: string): Promise<boolean> {
  const rows = (await readBackup(paths, name))?.manifest.dump.content.rows;
  return (rows?.[USERS_TABLE] ?? 0) > 0;
}

async function isPrepared(
  paths: InstancePaths,
  driver: ComposeDriver,
  commit: string,
): Promise<boolean> {
  if (!(await nameExists(join(paths.trees, commit)))) return false;
  return (await driver.image(driver.imageName(commit)))?.commit === commit;
}

/** Whether the server is the one that was committed, untouched and healthy. */
async function runsAsCommitted(
  paths: InstancePaths,
  driver: ComposeDriver,
  record: LedgerRecord,
): Promise<boolean> {
  if (record.serving === undefined) return false;
  return (await readDrift(paths, driver, driver.look(), record)).length === 0;
}
