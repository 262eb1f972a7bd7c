/**
 * Encryption for age recipients (age-encryption.org/v1): the server has the keys to lock, and nobody's to
 * open. So that what was written is proven to open, each run locks for a key of its own besides, which it
 * forgets with its end.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";
import { messageOf } from "../../common/errors.ts";

/** What the name of an encrypted file ends with. */
export const ENCRYPTED = ".age";

/** Loaded where it is needed: hardly any run of the updater is about copies. */
const age = () => import("age-encryption");

export class Cipher {
  private constructor(
    private readonly recipients: readonly string[],
    private readonly identity: string,
    private readonly own: string,
  ) {}

  /** @throws where one of them is no recipient */
  static async for(recipients: readonly string[]): Promise<Cipher> {
    const { Encrypter, generateX25519Identity, identityToRecipient } = await age();
    for (const recipient of recipients) {
      try {
        new Encrypter().addRecipient(recipient);
      } catch (error) {
        throw new Error(`"${recipient}" is no age recipient: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    const identity = await generateX25519Identity();
    return new Cipher(recipients, identity, await identityToRecipient(identity));
  }

  /** The encrypted bytes of what comes. */
  async encrypt(content: Readable): Promise<Readable> {
    const { Encrypter } = await age();
    const encrypter = new Encrypter();
    for (const recipient of [...this.recipients, this.own]) encrypter.addRecipient(recipient);
    return piped(content, (stream) => encrypter.encrypt(stream));
  }

  /** The SHA-256 of what an encrypted file opens to. @throws where it does not open */
  digestOf(file: string): Promise<string> {
    return digestOfDecrypted(file, [this.identity]);
  }
}

/** The bytes that an encrypted file opens to. @param identities `AGE-SECRET-KEY-…` */
export async function decrypted(file: string, identities: readonly string[]): Promise<Readable> {
  const { Decrypter } = await age();
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  return piped(createReadStream(file), (stream) => decrypter.decrypt(stream));
}

async function digestOfDecrypted(file: string, identities: readonly string[]): Promise<string> {
  const digest = createHash("sha256");
  await pipeline(await decrypted(file, identities), digest);
  return digest.digest("hex");
}

/** The library speaks the streams of browsers. */
async function piped(
  content: Readable,
  through: (stream: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>,
): Promise<Readable> {
  const stream = Readable.toWeb(content) as ReadableStream<Uint8Array>;
  return Readable.fromWeb((await through(stream)) as WebStream);
}
