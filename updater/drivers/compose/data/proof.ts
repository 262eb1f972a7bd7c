/**
 * J5: a dump is believed when it was restored. Listing it proves nothing (a dump cut to a tenth still
 * lists, measured), so it goes into a database server of its own that is thrown away afterwards: never
 * into the live one, and without a network.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { plainText } from "../../../../common/text.ts";
import { CommandError } from "../../../command.ts";
import type { DatabaseContent, Dump } from "../../database-tools.ts";
import { docker, inspectContainer, lastErrors } from "../docker.ts";
import { makeEmptyDatabase } from "./copies.ts";
import { differences, readContent } from "./content.ts";
import { type DatabaseContainer, query } from "./psql.ts";

const RESTORE_TIMEOUT = 8 * 3_600_000;
const START_TIMEOUT = 5 * 60_000;

/** Counting the rows of a large table takes minutes on a slow disk. */
const CONTENT_TIMEOUT = 30 * 60_000;

/** The proof runs beside the server that serves: it may take half a core's worth and this memory. */
const LIMITS = ["--memory=768m", "--cpus=1", "--pids-limit=200", "--cpu-shares=256"];

/** Nothing of it is kept, so nothing of it has to survive a power cut. */
const THROWAWAY = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"];

/**
 * Asks in the container itself: each call of Docker's costs as much as making a part of the data directory. By TCP,
 * because the socket answers while that is still being made; with a name, because it would ask as root otherwise,
 * which the server notes as an error. It ends with the container.
 */
const ASK = 'until pg_isready --quiet --host=127.0.0.1 --username="$1"; do sleep 0.2; done';

/** Then the container is looked at again. */
const ASK_TIMEOUT = 60_000;

/** Dumps don't hold roles; owners and grants name them. */
const ROLES = `
SELECT coalesce(string_agg(format('CREATE ROLE %I;', rolname), E'\\n'), '')
FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user`;

/** The name of the throwaway container of an instance; a second proof at a time is impossible. */
export function proofContainer(project: string): string {
  return `chatalot-deploy-proof-${project}`;
}

/**
 * @param live the throwaway server runs from its image
 * @param project names the throwaway container
 * @param more.inspect looks at the throwaway database once the dump is in it
 */
export async function proveDump(
  live: DatabaseContainer,
  project: string,
  file: string,
  dump: Dump,
  report: (text: string) => void,
  more: { inspect?: (copy: DatabaseContainer) => Promise<void> } = {},
): Promise<void> {
  await removeProof(project);
  try {
    const copy = await startEmpty(live, project);
    const roles = await query(live, "list the roles", ROLES);
    // The first write of a new database waits for a disk on which the image may just be flushed.
    await query(copy, "make the roles", roles, { timeout: START_TIMEOUT });
    report("restoring it into a throwaway database");
    await restoreDump(copy, file, dump);
    report("comparing what came out with what went in");
    await compare(copy, dump);
    await more.inspect?.(copy);
  } finally {
    await removeProof(project);
  }
}

async function compare(restored: DatabaseContainer, dump: Dump): Promise<void> {
  const different = differences(dump.content, await contentOf(restored));
  if (different.length > 0)
    throw new Error(`the restored dump is not what was dumped: ${different.join("; ")}`);
}

/** What is in a database: every table is read. */
export async function contentOf(database: DatabaseContainer): Promise<DatabaseContent> {
  return readContent((sql) =>
    query(database, "read the database", sql, { timeout: CONTENT_TIMEOUT }),
  );
}

/** Restores a dump into a new database beside the live one and compares. */
export async function restoreBeside(
  live: DatabaseContainer,
  name: string,
  file: string,
  dump: Dump,
  report: (text: string) => void,
): Promise<void> {
  await makeEmptyDatabase(live, name);
  const beside = { ...live, database: name };
  report(`restoring it as ${name}`);
  await restoreDump(beside, file, dump);
  report("comparing what came out with what went in");
  await compare(beside, dump);
}

/** Removes what an interrupted proof left; nobody's data are in it. */
export async function removeProof(project: string): Promise<void> {
  await docker("remove the throwaway database", [
    ...["rm", "--force", "--volumes", proofContainer(project)],
  ]);
}

async function startEmpty(live: DatabaseContainer, project: string): Promise<DatabaseContainer> {
  const id = await docker("start a throwaway database", [
    ...["run", "--detach", "--name", proofContainer(project), "--network", "none", ...LIMITS],
    ...["--label", "chatalot-deploy.throwaway=proof"],
    ...["--env", `POSTGRES_USER=${live.user}`, "--env", `POSTGRES_DB=${live.database}`],
    // Nobody but us can reach it, by its socket. Making its folder flushes a thousand files otherwise.
    ...["--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--env", "POSTGRES_INITDB_ARGS=--no-sync"],
    live.imageId,
    ...["postgres", ...THROWAWAY.flatMap((setting) => ["-c", setting])],
  ]);
  const started = { ...live, id };
  await waitUntilItAnswers(started, "start a throwaway database");
  return started;
}

/** Waits for a database server whose data directory is still being made. */
export async function waitUntilItAnswers(
  { id, user }: Pick<DatabaseContainer, "id" | "user">,
  label: string,
): Promise<void> {
  const begun = performance.now();
  for (;;) {
    const container = await inspectContainer(id);
    if (container?.facts.running !== true)
      throw new Error(
        `${label}: it ended with exit code ${container?.facts.exitCode ?? "unknown"}${await lastErrors(id)}`,
      );
    try {
      await docker(`${label}: ask whether it answers`, ["exec", id, "sh", "-c", ASK, "sh", user], {
        timeout: ASK_TIMEOUT,
      });
      return;
    } catch (error) {
      // Without a shell in the image it never will.
      const isHopeless =
        error instanceof CommandError && /executable file not found/i.test(error.stderr);
      if (isHopeless || performance.now() - begun > START_TIMEOUT) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/**
 * Restores a dump into a database that is there. Streams the file in, so that the container needs no sight of the
 * server's folders.
 */
export async function restoreDump(
  { id, user, database }: DatabaseContainer,
  file: string,
  dump: Dump,
) {
  const restoring = execa(
    "docker",
    [
      ...["exec", "--interactive", id, "pg_restore", "--exit-on-error", "--no-password"],
      ...[`--username=${user}`, `--dbname=${database}`],
    ],
    { timeout: RESTORE_TIMEOUT, forceKillAfterDelay: 5_000, reject: false, cwd: "/" },
  );
  const digest = createHash("sha256");
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      done(null, chunk);
    },
  });
  // pg_restore that gives up closes its end: what it says then is the reason, not the broken pipe.
  await pipeline(createReadStream(file), count, restoring.stdin).catch(() => undefined);
  const { exitCode, timedOut, stderr } = await restoring;
  if (timedOut || exitCode !== 0)
    // pg_restore only knows that its connection was closed; why, the database says itself.
    throw new Error(
      `restore the dump: ${timedOut ? "no end" : `exit code ${exitCode}`}: ` +
        plainText(stderr).trim().split("\n").slice(-4).join("\n") +
        (await lastErrors(id)),
    );
  if (digest.digest("hex") !== dump.sha256)
    throw new Error("restore the dump: the file is not the one that was written");
}
