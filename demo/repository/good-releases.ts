import {
  withChangelog,
  withFiles,
  withText,
  withWebVersion,
  type ReleasePlan,
  type Tree,
} from "./release-plan.ts";

/**
 * The releases that work, oldest first. As upstream, most of them share one crate version, so that
 * the version in GET /api/health cannot tell them apart, and one has no entry in the changelog.
 *
 * @param base the files of the first one, without migrations
 * @param migrations all good migrations: path → content
 */
export function goodReleases(base: Tree, migrations: Tree): ReleasePlan[] {
  return [
    {
      tag: "v1.0.0",
      subject: "First release",
      expected: "serves",
      change: () =>
        release(withFiles(base, upTo(migrations, 3)), "1.0.0", ["- Messages, files and accounts."]),
    },
    {
      tag: "v1.0.1",
      from: "v1.0.0",
      subject: "Say which release this is on the page",
      expected: "serves",
      change: (tree) => release(tree, "1.0.1", ["- The page names its release."]),
    },
    {
      tag: "v1.1.0",
      from: "v1.0.1",
      subject: "Remember when a message was edited",
      expected: "serves",
      change: (tree) =>
        release(withFiles(tree, upTo(migrations, 4)), "1.1.0", [
          "- Messages remember when they were edited.",
        ]),
    },
    {
      tag: "v1.2.0",
      from: "v1.1.0",
      subject: "Channels, reactions and kinds of messages",
      expected: "serves",
      change: (tree) =>
        release(withFiles(tree, upTo(migrations, 8)), "1.2.0", [
          "- Channels and reactions.",
          "- Messages have a kind.",
        ]),
    },
    {
      tag: "v1.3.0",
      from: "v1.2.0",
      subject: "Limit the database's log and the length of messages",
      expected: "serves",
      change: (tree) => withWebVersion(withLimits(tree), "1.3.0"),
    },
    {
      tag: "v2.0.0",
      from: "v1.3.0",
      subject: "Keep an audit log; PUBLIC_URL is required",
      expected: "serves",
      change: (tree) => {
        const required = withText(
          withText(tree, "Cargo.toml", 'version = "1.0.0"', 'version = "2.0.0"'),
          "docker-compose.yml",
          "${PUBLIC_URL:-}",
          "${PUBLIC_URL:?set PUBLIC_URL to the address that people use}",
        );
        return release(withFiles(required, upTo(migrations, 9)), "2.0.0", [
          "### Breaking changes",
          "",
          "- `PUBLIC_URL` must be set.",
          "",
          "### Added",
          "",
          "- An audit log.",
        ]);
      },
    },
    {
      from: "v2.0.0",
      subject: "Pin messages",
      expected: "serves",
      change: (tree) => withWebVersion(withFiles(tree, upTo(migrations, 10)), "2.1.0"),
    },
  ];
}

function release(tree: Tree, version: string, changes: readonly string[]): Tree {
  return withChangelog(withWebVersion(tree, version), version, changes);
}

function upTo(migrations: Tree, last: number): Tree {
  return Object.fromEntries(
    Object.entries(migrations).filter(([path]) => Number(/(\d+)_[^/]*$/.exec(path)?.[1]) <= last),
  );
}

/** Changes the database's entry, too, so that its container restarts in this update. */
function withLimits(tree: Tree): Tree {
  return withText(
    withText(
      tree,
      "docker-compose.yml",
      "    container_name: chatalot-db\n",
      [
        "    container_name: chatalot-db",
        "    logging:",
        "      driver: json-file",
        "      options:",
        '        max-size: "10m"',
        '        max-file: "3"',
        "",
      ].join("\n"),
    ),
    "docker-compose.yml",
    "      REGISTRATION_MODE:",
    "      MESSAGE_MAX_LENGTH: ${MESSAGE_MAX_LENGTH:-4000}\n      REGISTRATION_MODE:",
  );
}
