import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { log } from "./log.ts";

/** What the server is told by its environment. */
export interface Settings {
  databaseUrl: string;
  host: string;
  port: number;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** Encrypts every account's second factor: with another key they can't be read any more. */
  totpKey: Buffer;
  registrationMode: RegistrationMode;
  publicUrl: string;
  filesDirectory: string;
  maximumFileBytes: number;
  maximumMessageLength: number;
  cleanerDelayMilliseconds: number;
  cleanerIntervalMilliseconds: number;
}

const REGISTRATION_MODES = ["open", "invite_only", "closed"] as const;
export type RegistrationMode = (typeof REGISTRATION_MODES)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment.
 *
 * @throws Error when something that the server cannot do without is missing or wrong
 */
export function readSettings(environment: Environment): Settings {
  const [host = "0.0.0.0", port = "8080"] = (environment.LISTEN_ADDR ?? "0.0.0.0:8080").split(":");
  return {
    databaseUrl: required(environment, "DATABASE_URL"),
    host,
    port: Number(port),
    ...readKeyPair(environment),
    totpKey: readTotpKey(environment),
    registrationMode: readRegistrationMode(environment),
    publicUrl: environment.PUBLIC_URL ?? "",
    filesDirectory: environment.FILE_STORAGE_PATH ?? "/app/data/files",
    maximumFileBytes: number(environment, "MAX_FILE_SIZE_MB", 100) * 1024 * 1024,
    maximumMessageLength: number(environment, "MESSAGE_MAX_LENGTH", 4_000),
    cleanerDelayMilliseconds: number(environment, "FILE_CLEANUP_DELAY_SECS", 7_200) * 1_000,
    cleanerIntervalMilliseconds: number(environment, "FILE_CLEANUP_INTERVAL_SECS", 86_400) * 1_000,
  };
}

function required(environment: Environment, name: string): string {
  const value = environment[name];
  if (value === undefined || value === "") throw new Error(`${name} must be set`);
  return value;
}

function number(environment: Environment, name: string, otherwise: number): number {
  const value = Number(environment[name] || otherwise);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} must be a positive number`);
  return value;
}

function readKeyPair(environment: Environment): Pick<Settings, "privateKey" | "publicKey"> {
  const privatePath = environment.JWT_PRIVATE_KEY_PATH ?? "/run/secrets/jwt_private_key";
  const publicPath = environment.JWT_PUBLIC_KEY_PATH ?? "/run/secrets/jwt_public_key";
  const privateKey = createPrivateKey(readFileSync(privatePath));
  const publicKey = createPublicKey(readFileSync(publicPath));
  if (privateKey.asymmetricKeyType !== "ed25519" || publicKey.asymmetricKeyType !== "ed25519") {
    throw new Error("the JWT keys must be an Ed25519 pair");
  }
  if (!createPublicKey(privateKey).equals(publicKey)) {
    throw new Error(`${privatePath} and ${publicPath} are not one key pair`);
  }
  return { privateKey, publicKey };
}

function readTotpKey(environment: Environment): Buffer {
  const text = required(environment, "TOTP_ENCRYPTION_KEY");
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new Error("TOTP_ENCRYPTION_KEY must be 32 bytes in hexadecimal");
  }
  return Buffer.from(text, "hex");
}

function readRegistrationMode(environment: Environment): RegistrationMode {
  const text = environment.REGISTRATION_MODE || "invite_only";
  const known = REGISTRATION_MODES.find((mode) => mode === text);
  if (known === undefined) log("WARN", `unknown REGISTRATION_MODE "${text}", using invite_only`);
  return known ?? "invite_only";
}
