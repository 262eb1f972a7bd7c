/** A server in good order, an instance that serves v1.0.0, and the inputs that ask for it. */
import type { Wire } from "../../../provider/codec.ts";
import type { ResourceContext } from "../../../provider/resource.ts";
import type { ServerPlace } from "../../../provider/server/remote-server.ts";
import {
  type AppliedMigration,
  type LedgerRecord,
  PROTOCOL,
  type ReleaseIdentity,
  type ServerState,
} from "../../../updater/protocol.ts";

export const COMMIT = "1".repeat(40);
export const NEWER = "2".repeat(40);

export const place: ServerPlace = {
  server: { host: "chat.example.org", user: "root" },
  directory: "/srv/chatalot",
  project: "chatalot",
  volumes: ["chatalot_postgres_data", "chatalot_file_storage"],
  port: 8080,
};

/** What the probe prints on a server that meets every requirement. */
export function readyFacts(): string {
  return `system=Linux
machine=x86_64
libc=glibc 2.36
systemd=252
node=0:755 v20.19.0 /usr/bin/node
docker=24.0.7
compose=2.20.3
buildx=github.com/docker/buildx v0.11.2 9872040
security=[name=apparmor name=seccomp,profile=builtin]
publisher=
dockerDisk=20971520
memory=4194304
disk=20971520
`;
}

export const applied: AppliedMigration[] = [
  { version: 1, description: "users", checksum: "a".repeat(96) },
  { version: 2, description: "first messages", checksum: "b".repeat(96) },
];

export const migrations: Record<string, string> = {
  "001_users.sql": "a".repeat(96),
  "002_first_messages.sql": "b".repeat(96),
};

export function servingRecord(changes: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    sequence: 3,
    kind: "switch",
    outcome: "done",
    openedAt: "2026-03-01T12:00:00Z",
    closedAt: "2026-03-01T12:01:00Z",
    requestedBy: "ada@desk",
    release: { name: "v1.0.0", commit: COMMIT, migrations: [] },
    durations: { total: 60_040, downtime: 1_260 },
    ...changes,
  };
}

export function servingState(changes: Partial<ServerState> = {}): ServerState {
  return {
    protocol: PROTOCOL,
    instanceId: "instance-a",
    foreign: [],
    reverted: [],
    prepared: [COMMIT, NEWER],
    drift: [],
    serving: servingRecord(),
    database: { identity: { systemIdentifier: "7", oid: "16384" }, applied },
    health: { reachable: true, httpStatus: 200, status: "ok", databaseHealthy: true },
    ...changes,
  };
}

/** A server that runs a release, with all of its migrations applied. */
export function stateRunning(
  release: ReleaseIdentity,
  changes: Partial<ServerState> = {},
): ServerState {
  const database = {
    identity: { systemIdentifier: "7", oid: "16384" },
    applied: release.migrations,
  };
  return servingState({ serving: { ...servingRecord(), release }, database, ...changes });
}

export const PROPOSALS = {
  databasePassword: "proposedPassword0123456789",
  totpEncryptionKey: "c".repeat(64),
  jwtPrivateKey: "-----BEGIN PRIVATE KEY-----\nproposed\n",
  jwtPublicKey: "-----BEGIN PUBLIC KEY-----\nproposed\n",
};

/** What the program asks for, with everything in plain. */
export function deploymentInputs(changes: Wire = {}): Wire {
  return {
    place,
    release: "v1.0.0",
    commit: COMMIT,
    crateVersion: "0.17.0",
    migrations,
    configuration: {
      listen: { address: "127.0.0.1", port: 8080 },
      env: {},
      profiles: [],
      databaseVolume: "chatalot_postgres_data",
      filesVolume: "chatalot_file_storage",
    },
    secretEnv: { GIPHY_API_KEY: "hidden-value" },
    secrets: PROPOSALS,
    gate: { timeout: 60_000, migrationTimeout: 1_800_000, mustStayGoodFor: 10_000 },
    keepReleases: 5,
    ...changes,
  };
}

/** A context that keeps what it is told. */
export function listeningContext(): ResourceContext & {
  told: string[];
  warnings: string[];
  interrupt(): void;
} {
  const told: string[] = [];
  const warnings: string[] = [];
  const interruption = new AbortController();
  return {
    urn: "urn:pulumi:test::chatalot-deploy::chatalot:index:Deployment::chatalot",
    tell: (text) => void told.push(text),
    warn: (text) => void warnings.push(text),
    status: () => undefined,
    signal: interruption.signal,
    told,
    warnings,
    interrupt: () => interruption.abort(),
  };
}

/** The refusals' texts. */
export function reasons(checked: { refusals: string[] }): string[] {
  return checked.refusals;
}
