import { join } from "node:path";

/** Root's alone. */
const LOCKS = "/run/chatalot-deploy";

/** Every place that an instance uses on its server. Nothing else builds these names. */
export interface InstancePaths {
  /** The operator's directory, for example /srv/chatalot. */
  directory: string;
  /** Compose's default file: a link into the committed release. */
  composeFile: string;
  /** The environment file beside it: a link into the committed release. */
  environmentFile: string;
  /** Link to the committed release's folder. */
  current: string;
  releases: string;
  trees: string;
  /** Dumps of the database, one folder each. */
  backups: string;
  /** Uploads that an older database doesn't know, by the job that set them aside. */
  setAside: string;
  /** The operator's programs around updates, if there are any. Never made or changed by us. */
  hooks: string;
  /** Everything of the updater: root's alone. */
  state: string;
  instanceFile: string;
  secretsFile: string;
  digestKeyFile: string;
  ledger: string;
  lock: string;
  /** Outside of the directory, which may not be there yet; gone with a reboot, like its holders. */
  submitLock: string;
  /** Of who receives a backup, for as long as that takes. */
  receiveLock: string;
  /** Space that is given up when the disk is full, so that a revert can be recorded. */
  reserve: string;
  needsOperator: string;
  /** Where the instance was taken over: what had to make room for it. */
  adopted: string;
  /** What is done by the clock, and how it went last. */
  schedule: string;
  routineRuns: string;
  /** The copies of backups at another place, and the lock of who makes them. */
  copies: string;
  copiesLock: string;
  /** Whom the server tells that something is wrong, and what it has told. */
  alerts: string;
  watched: string;
  /** What the unit's process says, by systemd. */
  unitLog: string;
  jobs: string;
  incoming: string;
  runnerNode: string;
  runnerUpdater: string;
}

/** The copy of the operator's override in a release's folder, whatever its name was. */
export const OVERRIDE_FILE = "docker-compose.override.yml";

export function instancePaths(directory: string): InstancePaths {
  const state = join(directory, ".deploy");
  return {
    directory,
    composeFile: join(directory, "compose.yaml"),
    environmentFile: join(directory, ".env"),
    current: join(directory, "current"),
    releases: join(directory, "releases"),
    trees: join(directory, "trees"),
    backups: join(directory, "backups"),
    setAside: join(directory, "set-aside"),
    hooks: join(directory, "hooks"),
    state,
    instanceFile: join(state, "instance.json"),
    secretsFile: join(state, "secrets.json"),
    digestKeyFile: join(state, "digest.key"),
    ledger: join(state, "ledger"),
    lock: join(state, "lock"),
    submitLock: join(LOCKS, `${directory.replaceAll("/", "+")}.lock`),
    receiveLock: join(LOCKS, `${directory.replaceAll("/", "+")}.receive.lock`),
    reserve: join(state, "reserve"),
    needsOperator: join(state, "needs-operator"),
    adopted: join(state, "adopted.json"),
    schedule: join(state, "schedule.json"),
    routineRuns: join(state, "routine-runs.json"),
    copies: join(state, "copies.json"),
    copiesLock: join(state, "copies.lock"),
    alerts: join(state, "alerts.json"),
    watched: join(state, "watched.json"),
    unitLog: join(state, "unit.log"),
    jobs: join(state, "jobs"),
    incoming: join(state, "incoming"),
    runnerNode: join(state, "runner-node"),
    runnerUpdater: join(state, "runner-updater"),
  };
}

/** The places of one job. */
export interface JobPaths {
  directory: string;
  journal: string;
  request: string;
  progress: string;
}

/** The number of a job as names begin with it. */
export function padded(sequence: number): string {
  return String(sequence).padStart(6, "0");
}

export function jobPaths(paths: InstancePaths, sequence: number): JobPaths {
  const directory = join(paths.jobs, padded(sequence));
  return {
    directory,
    journal: join(directory, "journal"),
    request: join(directory, "request.json"),
    progress: join(directory, "progress.log"),
  };
}

/** The folder of a release for one job, relative to the directory. Never used by a second job. */
export function releaseDirectoryName(commit: string, sequence: number): string {
  return join("releases", `${commit.slice(0, 12)}-${sequence}`);
}
