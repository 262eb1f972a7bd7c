import type { Behaviour } from "../application/release.ts";
import {
  withFiles,
  withoutFile,
  withText,
  withWebVersion,
  type Expected,
  type ReleasePlan,
  type Tree,
} from "./release-plan.ts";

/** What a bad release's image does: at run time, or already when it is built. */
interface SampleBehaviour extends Behaviour {
  /** The image embeds only the migrations up to this one, like a build from an old tree. */
  embedsMigrationsUpTo?: number;
}

/** Changes what people wrote, so that only the database's old state is as good as before. */
const LOSSY = "UPDATE messages SET text = upper(text);\n";

/** Releases that go wrong in one way each, and some unusual ones that do not. */
export function badReleases(): ReleasePlan[] {
  return [
    ...badServers(),
    ...badHealth(),
    ...badBuilds(),
    ...badMigrations(),
    ...unusualMigrations(),
    ...badComposeFiles(),
    // At the end: a commit's hash depends on how many come before it, and tags must not move.
    ...forNightlyTests(),
  ];
}

function badServers(): ReleasePlan[] {
  return [
    behaving("v1.0.2-crashes-after-listening", "v1.0.1", { exitsAfterSeconds: 3 }),
    behaving("v1.0.2-restarts-again-and-again", "v1.0.1", { exitsAfterSeconds: 5, exitCode: 0 }),
    behaving("v1.0.2-never-listens", "v1.0.1", { listens: false }),
    behaving("v1.0.2-wrong-version", "v1.0.1", { version: "0.9.0" }),
    behaving(
      "v1.2.1-crashes-after-migrating",
      "v1.2.0",
      { exitsAfterSeconds: 3 },
      { "migrations/009_shout.sql": LOSSY },
    ),
    behaving(
      "v1.1.1-memory-hungry",
      "v1.1.0",
      { allocatesMegabytes: 700 },
      { "migrations/005_shout.sql": LOSSY },
    ),
  ];
}

function badHealth(): ReleasePlan[] {
  return (["degraded", "flapping", "html", "redirect", "huge", "slow"] as const).map((health) =>
    behaving(`v1.0.2-${health}${health === "html" ? "-health" : ""}`, "v1.0.1", { health }),
  );
}

function badBuilds(): ReleasePlan[] {
  return [
    building("build-breaks", "echo 'error: could not compile chatalot-server' >&2; exit 101"),
    building("build-hangs", "sleep 3600"),
    behaving(
      "v1.2.1-old-binary",
      "v1.2.0",
      { embedsMigrationsUpTo: 8 },
      { "migrations/009_topics.sql": "ALTER TABLE channels ADD COLUMN topic TEXT;\n" },
    ),
  ];
}

function badMigrations(): ReleasePlan[] {
  return [
    plan("v1.2.1-migration-fails-third-of-five", "v1.2.0", "is reverted", (tree) =>
      withFiles(tree, {
        "migrations/009_topics.sql": "ALTER TABLE channels ADD COLUMN topic TEXT;\n",
        "migrations/010_shout.sql": LOSSY,
        "migrations/011_text_again.sql": "ALTER TABLE messages ADD COLUMN text TEXT;\n",
        "migrations/012_more_topics.sql": "UPDATE channels SET topic = name;\n",
        "migrations/013_last.sql": "CREATE TABLE last (id BIGINT PRIMARY KEY);\n",
      }),
    ),
    plan("v1.0.2-edited-migration", "v1.0.1", "is refused", (tree) =>
      withText(
        tree,
        "migrations/002_messages.sql",
        "author TEXT NOT NULL",
        "author VARCHAR(200) NOT NULL",
      ),
    ),
    plan("v1.0.2-renumbered-migration", "v1.0.1", "is refused", (tree) =>
      withoutFile(
        withFiles(tree, { "migrations/004_files.sql": tree["migrations/003_files.sql"] ?? "" }),
        "migrations/003_files.sql",
      ),
    ),
  ];
}

/** These serve in the end. */
function unusualMigrations(): ReleasePlan[] {
  return [
    plan("v1.1.1-slow-migration", "v1.1.0", "serves", (tree) =>
      withFiles(tree, {
        "migrations/005_first_of_three.sql": "CREATE TABLE first_of_three (id BIGINT);\n",
        "migrations/006_second_of_three.sql": LOSSY,
        "migrations/007_slow_third.sql": "SELECT pg_sleep(20);\n",
      }),
    ),
    plan("v1.1.1-rewrites-table", "v1.1.0", "serves", (tree) =>
      withFiles(tree, {
        "migrations/005_public_ids.sql":
          "ALTER TABLE messages ADD COLUMN public_id UUID NOT NULL DEFAULT gen_random_uuid();\n",
        "migrations/006_short_authors.sql":
          "ALTER TABLE messages ALTER COLUMN author TYPE VARCHAR(200);\n",
        "migrations/007_no_edits.sql": "ALTER TABLE messages DROP COLUMN edited_at;\n",
      }),
    ),
    plan("v1.1.1-without-transaction", "v1.1.0", "serves", (tree) =>
      withFiles(tree, {
        "migrations/005_messages_by_author.sql":
          "-- no-transaction\nCREATE INDEX CONCURRENTLY messages_by_author ON messages (author);\n",
      }),
    ),
  ];
}

function badComposeFiles(): ReleasePlan[] {
  return [
    plan("v1.3.1-new-database-major", "v1.3.0", "is refused", (tree) =>
      withText(tree, "docker-compose.yml", "image: postgres:17", "image: postgres:18"),
    ),
    plan("v1.3.1-new-database-path", "v1.3.0", "is refused", (tree) =>
      withText(
        tree,
        "docker-compose.yml",
        "postgres_data:/var/lib/postgresql/data",
        "postgres_data:/var/lib/postgresql",
      ),
    ),
  ];
}

function forNightlyTests(): ReleasePlan[] {
  return [
    building("build-fills-disk", "head -c 4G /dev/zero > /ballast && exit 1"),
    behaving("v1.2.1-never-listens", "v1.2.0", { listens: false }),
    // Serves where the database's disk has 2 GB free; a test fills it while the migration sleeps.
    plan("v1.1.1-writes-much-log", "v1.1.0", "serves", (tree) =>
      withFiles(tree, {
        "migrations/005_shout.sql": LOSSY,
        "migrations/006_much_log.sql":
          "SELECT pg_sleep(15);\n" +
          "SELECT count(pg_logical_emit_message(false, 'ballast', repeat(md5(i::text), 32000)))\n" +
          "FROM generate_series(1, 2000) AS i;\n",
      }),
    ),
  ];
}

function building(name: string, command: string): ReleasePlan {
  return plan(`v1.0.2-${name}`, "v1.0.1", "does not build", (tree) =>
    withText(tree, "Dockerfile", "RUN node scripts/build.mjs", `RUN ${command}`),
  );
}

function behaving(
  tag: string,
  from: string,
  behaviour: SampleBehaviour,
  files: Tree = {},
): ReleasePlan {
  return plan(tag, from, "is reverted", (tree) =>
    withFiles(tree, { ...files, "behaviour.json": `${JSON.stringify(behaviour, null, 2)}\n` }),
  );
}

function plan(
  tag: string,
  from: string,
  expected: Expected,
  change: (tree: Tree) => Tree,
): ReleasePlan {
  const [version = "", ...words] = tag.split("-");
  return {
    tag,
    from,
    expected,
    subject: `A release that ${expected}: ${words.join(" ")}`,
    change: (tree) => withWebVersion(change(tree), version.slice(1)),
  };
}
