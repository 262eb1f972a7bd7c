import { expect } from "chai";
import { directorySchema, jobRequestSchema, PROTOCOL } from "../../updater/protocol.ts";
import { NEW_COMMIT, release } from "./samples.ts";

const isDirectory = (value: unknown): boolean => directorySchema.safeParse(value).success;

describe("directorySchema", () => {
  for (const path of ["/srv/chatalot", "/a", "/srv/my-chat_1.2/x", "/srv/_x", "/srv/a..b"])
    it(`takes ${path}`, () => {
      expect(isDirectory(path)).to.equal(true);
    });

  const hostile = [
    "",
    "/",
    "srv/chatalot",
    "./srv",
    "~/chat",
    "/srv/",
    "/srv//chat",
    "/srv/../etc",
    "/srv/..",
    "/srv/./chat",
    "/srv/.hidden",
    "/srv/-rf",
    "-/srv",
    "/srv/a b",
    "/srv/a\nb",
    "/srv/a\n",
    "/srv/a\0b",
    "/srv/a\rb",
    "/srv/$(touch x)",
    "/srv/`x`",
    "/srv/a;b",
    "/srv/a'b",
    '/srv/a"b',
    "/srv/a\\b",
    "/srv/a\\x2fb",
    "/srv/%f",
    "/srv/%i",
    "/srv/$HOME",
    "/srv/${X}",
    "/srv/a:b",
    "/srv/*",
    "/srv/ä",
    "/srv/a@b",
    "\\\\server\\share",
  ];
  for (const path of hostile)
    it(`refuses ${JSON.stringify(path)}`, () => {
      expect(isDirectory(path)).to.equal(false);
    });

  it("refuses what is no text", () => {
    for (const value of [undefined, null, 1, ["/srv"], { path: "/srv" }])
      expect(isDirectory(value), JSON.stringify(value)).to.equal(false);
  });
});

describe("jobRequestSchema", () => {
  const base = {
    protocol: PROTOCOL,
    directory: "/srv/chatalot",
    project: "chatalot",
    volumes: [],
    requestedBy: "somebody",
  };
  const secrets = {
    databasePassword: "x".repeat(32),
    totpEncryptionKey: "0".repeat(64),
    jwtPrivateKey: "-----BEGIN PRIVATE KEY-----\n",
    jwtPublicKey: "-----BEGIN PUBLIC KEY-----\n",
  };
  const change = {
    ...base,
    kind: "switch",
    release: release(NEW_COMMIT),
    configuration: {
      listen: { address: "127.0.0.1", port: 8080 },
      env: {},
      secretEnv: {},
      profiles: [],
      databaseVolume: "d",
      filesVolume: "f",
    },
    secrets,
    gate: { timeout: 1, migrationTimeout: 1, mustStayGoodFor: 0 },
    keepReleases: 1,
  };
  const isRequest = (value: unknown): boolean => jobRequestSchema.safeParse(value).success;

  it("takes the three kinds of request", () => {
    expect(isRequest({ ...base, kind: "remove" })).to.equal(true);
    expect(isRequest({ ...base, kind: "prepare", release: release(NEW_COMMIT) })).to.equal(true);
    expect(isRequest(change)).to.equal(true);
  });

  const refused: [string, Record<string, unknown>][] = [
    ["another kind", { kind: "destroy" }],
    ["another protocol", { protocol: PROTOCOL + 1 }],
    ["a project that Compose would change", { project: "Chat" }],
    ["a project that looks like an option", { project: "-p" }],
    ["a short commit", { release: release("abc") }],
    ["a commit that leads elsewhere", { release: release("../../etc/passwd".padEnd(40, "a")) }],
    ["a commit in capitals", { release: release("A".repeat(40)) }],
    ["a port that is none", { configuration: { ...change.configuration, listen: { port: 0 } } }],
    ["a password with a quote", { secrets: { ...secrets, databasePassword: "'".repeat(32) } }],
    ["a short password", { secrets: { ...secrets, databasePassword: "x" } }],
    ["no release to be kept", { keepReleases: 0 }],
    ["a negative limit", { gate: { ...change.gate, timeout: -1 } }],
    ["a limit without end", { gate: { ...change.gate, timeout: Number.POSITIVE_INFINITY } }],
  ];
  for (const [what, values] of refused)
    it(`refuses ${what}`, () => {
      expect(isRequest({ ...change, ...values })).to.equal(false);
    });

  it("says what is wrong without showing a secret", () => {
    const password = "hunter2 is no password";
    const { error } = jobRequestSchema.safeParse({
      ...change,
      secrets: { ...secrets, databasePassword: password, totpEncryptionKey: password },
    });
    expect(error?.message).to.contain("databasePassword").and.not.to.contain("hunter2");
  });
});
