import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";
import type { InstanceSecrets } from "../updater/protocol.ts";

/** 64 characters of [A-Za-z0-9] carry 380 bits: more than the keys derived from them need. */
const ROOT_LENGTH = 64;

/** What upstream's own script makes. */
const PASSWORD_LENGTH = 32;

/** The start of a PKCS#8 document that holds the 32 bytes of an Ed25519 seed (RFC 8410). */
const ED25519_PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * All secrets of an instance, made once and kept encrypted in the state.
 *
 * They are proposals: a server that has secrets keeps them, so a lost state never changes the
 * database's password or a key over a live server.
 *
 * Only RandomPassword is used: RandomBytes and RandomId have their value in plain in their id
 * (measured). Keys are derived from one of them by HKDF-SHA256 with a label for each.
 */
export class Secrets extends pulumi.ComponentResource {
  /** Secret. */
  readonly proposals: pulumi.Output<InstanceSecrets>;

  constructor(name: string, options?: pulumi.ComponentResourceOptions) {
    super("chatalot:index:Secrets", name, {}, options);
    const kept = { parent: this, protect: true };

    const databasePassword = new random.RandomPassword(
      `${name}-database-password`,
      { length: PASSWORD_LENGTH, special: false },
      kept,
    );
    const root = new random.RandomPassword(
      `${name}-root`,
      { length: ROOT_LENGTH, special: false },
      kept,
    );

    this.proposals = pulumi.secret(
      pulumi
        .all([databasePassword.result, root.result])
        .apply(([password, material]) => ({ databasePassword: password, ...deriveKeys(material) })),
    );
    this.registerOutputs({ proposals: this.proposals });
  }
}

/** The keys of an instance. The labels are part of the format: another one gives other keys. */
export function deriveKeys(material: string): Omit<InstanceSecrets, "databasePassword"> {
  const seed = derive(material, "jwt ed25519 seed v1");
  const privateKey = createPrivateKey({
    key: Buffer.concat([ED25519_PKCS8_PREFIX, seed]),
    format: "der",
    type: "pkcs8",
  });
  return {
    totpEncryptionKey: derive(material, "totp encryption key v1").toString("hex"),
    jwtPrivateKey: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    jwtPublicKey: createPublicKey(privateKey).export({ format: "pem", type: "spki" }).toString(),
  };
}

function derive(material: string, label: string): Buffer {
  return Buffer.from(hkdfSync("sha256", material, "", `chatalot-deploy ${label}`, 32));
}
