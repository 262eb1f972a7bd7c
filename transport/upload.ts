import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { TransportError, type Transport } from "./transport.ts";

/** One file for a server. */
export interface Upload {
  /** The bytes, a stream of them, or a file on this machine. */
  content: Uint8Array | Readable | { file: string };
  /** The absolute path on the server. Its directory has to exist. */
  destination: string;
  /** The rights of the file, for example `0o600`. It belongs to root. */
  mode: number;
  /**
   * What the bytes have to be, in hexadecimal; anything else is not put in place.
   *
   * @default computed from the content, which is not possible for a stream
   */
  sha256?: string;
  /** In milliseconds, for all of it. */
  timeout: number;
  signal?: AbortSignal;
  /**
   * Put the file in the place of another one with the same name and other content.
   *
   * @default false: that is an error
   */
  replace?: boolean;
}

export interface UploadResult {
  /** False where the file was there already, with the same content. Its rights are set anyway. */
  written: boolean;
  sha256: string;
}

/** What the program says by its exit code. */
const SAME = 64;
const DAMAGED = 65;
const OTHER = 66;

/**
 * Puts standard input in place as a whole or not at all, also when the power fails: what has its
 * final name is complete and on the disk. The directory is on the same file system as the temporary
 * file in it, which nobody else can read. Values are arguments; this text never changes.
 */
const PROGRAM = `
set -eu
umask 077
destination=$1 directory=$2 mode=$3 expected=$4 replace=$5
digest() { set -- "$(sha256sum)"; printf '%s' "\${1%% *}"; }
find "$directory" -maxdepth 1 -type f -name '.chatalot-upload.*' -mmin +1440 -delete
temporary=$(mktemp -- "$directory/.chatalot-upload.XXXXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
cat > "$temporary"
test "$(digest < "$temporary")" = "$expected" || exit ${DAMAGED}
chmod -- "$mode" "$temporary"
sync -- "$temporary"
if test "$replace" = yes; then
  mv -f -T -- "$temporary" "$destination"
elif ! ln -T -- "$temporary" "$destination" 2>/dev/null; then
  test -f "$destination" && test ! -L "$destination" || exit ${OTHER}
  test "$(digest < "$destination")" = "$expected" || exit ${OTHER}
  chmod -- "$mode" "$destination"
  sync -- "$destination"
  exit ${SAME}
fi
rm -f -- "$temporary"
sync -- "$directory"
`;

/**
 * Sends a file to a server, through standard input only. Whoever looks sees either no file (or the
 * former one) or all of the new one.
 *
 * @throws TransportError when the file can't be written, arrives damaged, or another one is there
 */
export async function uploadFile(transport: Transport, upload: Upload): Promise<UploadResult> {
  const { content, destination, timeout, signal } = upload;
  assertDestination(destination);
  const mode = upload.mode.toString(8).padStart(4, "0");
  if (!/^[0-7]{4}$/.test(mode)) throw new TypeError(`not the rights of a file: ${upload.mode}`);
  const sha256 = upload.sha256 ?? (await digestOf(content));
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError(`not a SHA-256 digest: ${sha256}`);

  const label = `upload ${destination}`;
  const stdin = "file" in content ? createReadStream(content.file) : content;
  const values = [destination, posix.dirname(destination), mode, sha256];
  const { exitCode, stderr } = await transport.run(
    label,
    ["sh", "-c", PROGRAM, "upload", ...values, upload.replace === true ? "yes" : "no"],
    {
      stdin,
      timeout,
      acceptedExitCodes: [0, SAME, DAMAGED, OTHER],
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const problem = {
    [DAMAGED]: "the content arrived damaged or is not what was announced: it was not put in place",
    [OTHER]: "something else is there under this name: it was left as it is",
  }[exitCode];
  if (problem !== undefined) {
    const details = { exitCode, stderr };
    throw new TransportError(`${label} on ${transport.target}: ${problem}`, "exit-code", details);
  }
  return { written: exitCode !== SAME, sha256 };
}

function assertDestination(destination: string): void {
  const isPlain = !/[\u0000-\u001f\u007f]/.test(destination) && !destination.endsWith("/");
  if (isPlain && posix.isAbsolute(destination) && posix.normalize(destination) === destination)
    return;
  throw new TypeError(`expected the absolute path of a file, got ${JSON.stringify(destination)}`);
}

async function digestOf(content: Upload["content"]): Promise<string> {
  const hash = createHash("sha256");
  if (content instanceof Uint8Array) hash.update(content);
  else if ("file" in content)
    for await (const chunk of createReadStream(content.file)) hash.update(chunk as Buffer);
  else throw new TypeError("a stream needs its SHA-256 digest: it can be read only once");
  return hash.digest("hex");
}
