/** A snapshot of the live database that several programs look at: what is counted is what is dumped. */
import { createInterface } from "node:readline";
import { execa } from "execa";
import { messageOf } from "../../../../common/errors.ts";
import { plainText } from "../../../../common/text.ts";
import { type DatabaseContainer, psqlArguments, QUIT } from "./psql.ts";

export interface Snapshot {
  /** Its name for `pg_dump --snapshot`. */
  name: string;
  /** Runs one statement in it and gives its rows as text. */
  query(sql: string): Promise<string>;
}

/** Longer than any dump: the session ends with the work, and with this process. */
const SESSION_TIMEOUT = 12 * 3_600_000;

/** Counting the rows of a large table takes minutes on a slow disk. */
const QUERY_TIMEOUT = 30 * 60_000;

/** Marks the end of an answer; no row of ours is this text. */
const END = "-- end of the answer --";

/** Holds a snapshot open while the work is done. */
export async function withSnapshot<T>(
  { id, user, database }: DatabaseContainer,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const session = execa(
    "docker",
    ["exec", "--interactive", id, "psql", ...psqlArguments(user, database)],
    { timeout: SESSION_TIMEOUT, buffer: { stdout: false, stderr: true }, cwd: "/" },
  );
  // Whoever waits for an answer is told of the end by the lines.
  const ended = session.then(
    () => "the session ended",
    (error: unknown) => plainText(stderrOf(error)).trim() || messageOf(error),
  );
  const lines: AsyncIterator<string, undefined> = createInterface({ input: session.stdout })[
    Symbol.asyncIterator
  ]();
  const answer = async (): Promise<string> => {
    const rows: string[] = [];
    for (;;) {
      const line = await lines.next();
      if (line.done === true) throw new Error(`read a snapshot of the database: ${await ended}`);
      if (line.value === END) return rows.join("\n");
      rows.push(line.value);
    }
  };
  const query = (sql: string): Promise<string> => {
    session.stdin.write(`${sql};\n\\echo ${END}\n`);
    return withLimit(answer(), () => session.kill("SIGKILL"));
  };
  try {
    await query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const name = await query("SELECT pg_export_snapshot()");
    return await work({ name, query });
  } finally {
    session.stdin.end(`COMMIT;\n${QUIT}`);
    await ended;
  }
}

async function withLimit(answer: Promise<string>, end: () => void): Promise<string> {
  const timer = setTimeout(end, QUERY_TIMEOUT);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
  }
}

function stderrOf(error: unknown): string {
  const { stderr } = error as { stderr?: unknown };
  return typeof stderr === "string" ? stderr : "";
}
