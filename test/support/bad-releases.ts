/** Where each bad release of the sample is caught, on a server that runs the release it is made from. */
export interface CaughtRelease {
  tag: string;
  from: string;
  /** `preview`: refused. `J3`: untouched. `J8`, `J9`: tried, and the old release serves again. */
  stage: "preview" | "J3" | "J8" | "J9";
  /** What is said of it. */
  says: RegExp;
  /** What a server with more room or patience needs, in a test of its own. */
  heldBy?: string;
}

export const BAD_RELEASES: readonly CaughtRelease[] = [
  { tag: "v1.0.2-edited-migration", from: "v1.0.1", stage: "preview", says: /2 messages/ },
  { tag: "v1.0.2-renumbered-migration", from: "v1.0.1", stage: "preview", says: /3 files/ },
  { tag: "v1.0.2-build-breaks", from: "v1.0.1", stage: "J3", says: /could not compile/ },
  {
    ...{ tag: "v1.0.2-build-hangs", from: "v1.0.1", stage: "J3", says: /stopped/ },
    heldBy: "surroundings.nightly",
  },
  {
    ...{ tag: "v1.0.2-build-fills-disk", from: "v1.0.1", stage: "J3", says: /no space left/ },
    heldBy: "disk-faults.nightly",
  },
  { tag: "v1.0.2-crashes-after-listening", from: "v1.0.1", stage: "J9", says: /exit code 101/ },
  { tag: "v1.0.2-restarts-again-and-again", from: "v1.0.1", stage: "J9", says: /exit code 0/ },
  { tag: "v1.0.2-never-listens", from: "v1.0.1", stage: "J9", says: /nothing listens yet/ },
  {
    tag: "v1.0.2-wrong-version",
    from: "v1.0.1",
    stage: "J9",
    says: /reports version 0\.9\.0, the commit has 1\.0\.0/,
  },
  { tag: "v1.0.2-degraded", from: "v1.0.1", stage: "J9", says: /its status is "degraded"/ },
  { tag: "v1.0.2-flapping", from: "v1.0.1", stage: "J9", says: /degraded|not healthy/ },
  {
    tag: "v1.0.2-html-health",
    from: "v1.0.1",
    stage: "J9",
    says: /not Chatalot's health document/,
  },
  { tag: "v1.0.2-redirect", from: "v1.0.1", stage: "J9", says: /HTTP status 301/ },
  {
    tag: "v1.0.2-huge",
    from: "v1.0.1",
    stage: "J9",
    // Many of these at once, or the first one.
    says: /killed for want of memory|an answer of more than 65536 bytes|no answer in/,
  },
  { tag: "v1.0.2-slow", from: "v1.0.1", stage: "J9", says: /no answer in/ },
  { tag: "v1.1.1-memory-hungry", from: "v1.1.0", stage: "J9", says: /killed for want of memory/ },
  { tag: "v1.2.1-crashes-after-migrating", from: "v1.2.0", stage: "J9", says: /exit code 101/ },
  {
    tag: "v1.2.1-migration-fails-third-of-five",
    from: "v1.2.0",
    stage: "J9",
    says: /ended by itself with exit code 1/,
  },
  { tag: "v1.2.1-old-binary", from: "v1.2.0", stage: "J9", says: /migrations not applied: 9/ },
  { tag: "v1.2.1-never-listens", from: "v1.2.0", stage: "J9", says: /nothing listens yet/ },
  { tag: "v1.3.1-new-database-major", from: "v1.3.0", stage: "preview", says: /from 17 to 18/ },
  {
    ...{ tag: "v1.3.1-new-database-path", from: "v1.3.0", stage: "preview" },
    says: /var\/lib\/postgresql/,
  },
];
