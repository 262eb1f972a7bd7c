import { randomBytes } from "node:crypto";

/** Blowfish's tables: 18 words for the rounds and 4 boxes of 256, all taken from pi. */
const roundWords = 18;
const boxWords = 4 * 256;
/** The cost that the real plugin uses: 2^10 rounds of the key's schedule. */
const defaultCost = 10;
/** What bcrypt looks at of a password, in bytes; the real plugin cuts there as well. */
const longestPassword = 72;

const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Calculated once, when it is first needed. */
let piWords: Uint32Array | undefined;

interface Cipher {
  rounds: Uint32Array;
  boxes: Uint32Array;
}

/**
 * The bcrypt hash of a password, as `$2a$10$...`. It is here because Node has none and the
 * resource that the stand-in is for has one; the program itself does not use it.
 *
 * @param salt 16 bytes. Default: random ones
 */
export function bcryptHash(password: string, cost = defaultCost, salt = randomBytes(16)): string {
  const text = Buffer.from(password, "utf8").subarray(0, longestPassword);
  // The ending zero is part of the key.
  const key = text.length < longestPassword ? Buffer.concat([text, Buffer.of(0)]) : text;
  piWords ??= wordsOfPi();
  const cipher = { rounds: piWords.slice(0, roundWords), boxes: piWords.slice(roundWords) };
  expand(cipher, key, salt);
  const noSalt = Buffer.alloc(16);
  for (let round = 0; round < 2 ** cost; round++) {
    expand(cipher, key, noSalt);
    expand(cipher, salt, noSalt);
  }
  const words = Uint32Array.from({ length: 6 }, (_word, index) =>
    Buffer.from("OrpheanBeholderScryDoubt").readUInt32BE(index * 4),
  );
  for (let pair = 0; pair < words.length; pair += 2) {
    for (let time = 0; time < 64; time++) encrypt(cipher, words, pair);
  }
  const hash = Buffer.alloc(24);
  words.forEach((word, index) => hash.writeUInt32BE(word, index * 4));
  const settings = `$2a$${String(cost).padStart(2, "0")}$`;
  // The last byte has never been part of the text.
  return settings + base64(salt) + base64(hash.subarray(0, 23));
}

/** Mixes a key and a salt into the cipher's tables. */
function expand(cipher: Cipher, key: Uint8Array, salt: Uint8Array): void {
  const { rounds, boxes } = cipher;
  let place = 0;
  for (let index = 0; index < rounds.length; index++) {
    let word = 0;
    for (let byte = 0; byte < 4; byte++) {
      word = (word << 8) | (key[place] as number);
      place = (place + 1) % key.length;
    }
    rounds[index] = (rounds[index] as number) ^ word;
  }
  const saltWords = Buffer.from(salt);
  const block = new Uint32Array(2);
  let saltPlace = 0;
  for (const table of [rounds, boxes]) {
    for (let index = 0; index < table.length; index += 2) {
      block[0] = (block[0] as number) ^ saltWords.readUInt32BE(saltPlace);
      block[1] = (block[1] as number) ^ saltWords.readUInt32BE(saltPlace + 4);
      saltPlace = (saltPlace + 8) % 16;
      encrypt(cipher, block, 0);
      table.set(block, index);
    }
  }
}

/** Blowfish's encryption of the two words at a place, in that place. */
function encrypt({ rounds, boxes }: Cipher, words: Uint32Array, place: number): void {
  let left = (words[place] as number) ^ (rounds[0] as number);
  let right = words[place + 1] as number;
  for (let round = 1; round <= 16; round += 2) {
    right ^= mix(boxes, left) ^ (rounds[round] as number);
    left ^= mix(boxes, right) ^ (rounds[round + 1] as number);
  }
  words[place] = right ^ (rounds[17] as number);
  words[place + 1] = left;
}

function mix(boxes: Uint32Array, word: number): number {
  const first = (boxes[word >>> 24] as number) + (boxes[256 + ((word >>> 16) & 255)] as number);
  const third = boxes[512 + ((word >>> 8) & 255)] as number;
  return ((first ^ third) + (boxes[768 + (word & 255)] as number)) | 0;
}

/** The words of pi's fraction, calculated rather than copied: 33,344 bits by Machin's formula. */
function wordsOfPi(): Uint32Array {
  const count = roundWords + boxWords;
  // Some bits more than are used, for what each division cuts off.
  const guard = 64n;
  const one = 1n << (BigInt(count * 32) + guard);
  const pi = 4n * (4n * inverseTangent(5n, one) - inverseTangent(239n, one));
  const fraction = (pi - 3n * one) >> guard;
  const hex = fraction.toString(16).padStart(count * 8, "0");
  return Uint32Array.from({ length: count }, (_word, index) =>
    Number.parseInt(hex.slice(index * 8, index * 8 + 8), 16),
  );
}

/** The inverse tangent of 1/x, in units of 1/one. */
function inverseTangent(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let divisor = 3n, sign = -1n; power > 0n; divisor += 2n, sign = -sign) {
    power /= x * x;
    sum += sign * (power / divisor);
  }
  return sum;
}

/** bcrypt's own base64: another alphabet, and no padding. */
function base64(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let waiting = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    waiting += 8;
    while (waiting >= 6) {
      waiting -= 6;
      text += alphabet.charAt((bits >>> waiting) & 63);
    }
    bits &= (1 << waiting) - 1;
  }
  return waiting > 0 ? text + alphabet.charAt((bits << (6 - waiting)) & 63) : text;
}
