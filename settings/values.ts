/**
 * What single values of the configuration must look like. Every message has the form
 * `expected <what>, for example <value>`; problems.ts shows it with the key and the value.
 *
 * Values arrive from Pulumi as text, or below a key with a path as YAML has read them: what it made
 * a number or a boolean is accepted where its meaning is clear.
 */
import { isIP } from "node:net";
import * as z from "zod";
import { durationSchema, toMilliseconds, type Duration } from "../common/duration.ts";
import { isPinnedImage, parseImage, postgresMajorOf } from "../common/image-reference.ts";
import { isSize, toBytes, type Size } from "../common/size.ts";
import { problemOfReference } from "../release/reference.ts";
import { parseRepository, problemOfRepository } from "../release/repository-url.ts";
import { mailSchema, webhookSchema } from "../updater/alerts/protocol.ts";
import { backupNameSchema, directorySchema } from "../updater/protocol.ts";
import { calendarSchema } from "../updater/schedule/protocol.ts";
import { alternatives } from "./problems.ts";

/** The public repository of Chatalot. */
export const DEFAULT_REPOSITORY = "https://github.com/purpleneutral/chatalot.git";

/** Folders of the system, which a deployment must not call its own. */
const SYSTEM_FOLDERS =
  /^\/(?:bin|boot|dev|etc|home|lib|lib32|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)$|^\/(?:bin|boot|dev|etc|lib|lib32|lib64|proc|run|sbin|sys|usr)\//;

export const directory = z.custom<string>(
  (value) =>
    directorySchema.safeParse(value).success &&
    (value as string).length <= 200 &&
    !SYSTEM_FOLDERS.test(value as string),
  {
    error:
      "expected the absolute path of a folder of its own, of letters, digits and . _ -, " +
      'for example "/srv/chatalot"',
  },
);

/** A folder on this machine. */
export const folderHere = z.custom<string>(
  (value) =>
    typeof value === "string" && value.length <= 1_000 && /^(\/|~\/)[^\p{C}]*$/u.test(value),
  { error: "expected the absolute path of a folder on this machine, for example ~/undo" },
);

/** A folder of the server, that is no part of the system. */
export const folderThere = z.custom<string>((value) => directorySchema.safeParse(value).success, {
  error:
    "expected the absolute path of a folder on the server, of letters, digits and . _ -, " +
    "for example /mnt/backups",
});

/** A whole number; text of digits is taken for one. */
export function integer(least: number, most: number, expected: string) {
  return z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.custom<number>(
      (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
      { error: expected },
    ),
  );
}

export const boolean = z.preprocess(
  (value) => (value === "true" ? true : value === "false" ? false : value),
  z.boolean({ error: "expected true or false, for example true" }),
);

/** @param later values that are planned: they are refused with that reason */
export function choice<const T extends string>(values: readonly T[], later?: RegExp) {
  return z.custom<T>((value) => values.includes(value as T), {
    error: ({ input }) => {
      if (typeof input === "string" && later?.test(input) === true)
        return notAvailable(values.map((value) => `"${value}"`));
      return `expected ${alternatives(values)}, for example ${values[0]}`;
    },
  });
}

/** What is said of something that is planned. */
function notAvailable(instead: readonly string[] = []): string {
  const only = instead.length === 0 ? "" : `; what is there: ${instead.join(", ")}`;
  return `this is not available in this version${only}`;
}

/** A length of time between two others, both inclusive. */
export function duration(least: Duration, most: Duration, example: Duration) {
  const milliseconds = (value: unknown): number =>
    durationSchema.safeParse(value).success ? toMilliseconds(value as Duration) : Number.NaN;
  return z.custom<Duration>(
    (value) =>
      milliseconds(value) >= toMilliseconds(least) && milliseconds(value) <= toMilliseconds(most),
    {
      error: `expected a time with its unit, from "${least}" to "${most}", for example "${example}"`,
    },
  );
}

const CALENDAR_EXAMPLE = 'for example "*-*-* 03:30 Europe/Berlin"';

/** Times that come again; whether systemd takes them, the server says. */
export const calendar = z.custom<string>(isCalendar, { error: calendarError("") });

/** As {@link calendar}, or a word. */
export function calendarOr<const T extends string>(word: T) {
  return z.custom<string>((value) => value === word || isCalendar(value), {
    error: calendarError(`"${word}", or `),
  });
}

function calendarError(before: string) {
  return ({ input }: { input?: unknown }): string => {
    const hasShape = typeof input === "string" && calendarSchema.safeParse(`${input} UTC`).success;
    return hasShape
      ? `expected ${before}a time with the name of its time zone at the end, such as Europe/Berlin or UTC, ${CALENDAR_EXAMPLE}`
      : `expected ${before}a calendar expression of systemd with a time zone, ${CALENDAR_EXAMPLE}`;
  };
}

function isCalendar(value: unknown): boolean {
  if (!calendarSchema.safeParse(value).success) return false;
  const zone = String(value).split(" ").at(-1);
  try {
    // Only names: an offset such as +02:00 would be an hour wrong for half of the year.
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** An amount of memory or disk between two others, both inclusive. */
export function size(least: Size, most: Size, example: Size) {
  return z.custom<Size>((value) => isSizeWithin(value, least, most), {
    error: `expected a size with its unit, from "${least}" to "${most}", for example "${example}"`,
  });
}

/** As {@link size}, or `all`. */
export function sizeOrAll(least: Size, most: Size, example: Size) {
  return z.custom<Size | "all">((value) => value === "all" || isSizeWithin(value, least, most), {
    error:
      `expected a size with its unit, from "${least}" to "${most}", or "all", ` +
      `for example "${example}"`,
  });
}

function isSizeWithin(value: unknown, least: Size, most: Size): boolean {
  if (!isSize(value)) return false;
  const bytes = toBytes(value);
  return bytes >= toBytes(least) && bytes <= toBytes(most);
}

/** A word, or the name of an image. A name has a slash, so that a mistyped word is not taken for one. */
export const imageSource = z.custom<string>(
  (value) =>
    typeof value === "string" &&
    (["auto", "pull", "build"].includes(value) || parseImage(value) !== undefined),
  {
    error:
      'expected "build", "pull", "auto", or the name of an image with its registry or owner, ' +
      "for example ghcr.io/us/chatalot",
  },
);

const SIDE_IMAGE_EXAMPLE = `postgres:17@sha256:${"0123456789abcdef".repeat(4)}`;

/** Images beside the server's own, by the services of the compose file that run from them. */
export const sideImages = z.preprocess(
  (value) => value ?? {},
  z.record(
    z.string(),
    z.custom<string>((value) => typeof value === "string" && isPinnedImage(value), {
      error: `expected an image with its tag and its digest, for example ${SIDE_IMAGE_EXAMPLE}`,
    }),
    {
      error: `expected images by the names of services, for example pulumi config set --path sideImages.postgres ${SIDE_IMAGE_EXAMPLE}`,
    },
  ),
);

const DATABASE_IMAGE_EXAMPLE = "postgres:18";

/** The image that the database runs from in the place of the release's. */
export const databaseImage = z.custom<string>(
  (value) => typeof value === "string" && postgresMajorOf(value) !== undefined,
  {
    error: `expected an image of PostgreSQL with its major version at the beginning of the tag, for example ${DATABASE_IMAGE_EXAMPLE}`,
  },
);

export const release = z.custom<string>(
  (value) => typeof value === "string" && !isChangedByYaml(value) && !problemOfReference(value),
  {
    error: ({ input }) => {
      const example = "for example v0.22.6, 2d55427 or v0.22.6@2d55427";
      if (typeof input === "number" || isChangedByYaml(input)) {
        return `YAML has read a commit as a number and changed it; write it in quotes, ${example}`;
      }
      const problem = typeof input === "string" ? problemOfReference(input) : undefined;
      const because = problem === undefined ? "" : ` (${problem})`;
      return `expected a tag, a commit, or both with an @ between them${because}, ${example}`;
    },
  },
);

/** `1e10` becomes `1e+10`, and a long one becomes infinite. */
function isChangedByYaml(value: unknown): boolean {
  return typeof value === "string" && /^(?:\d(?:\.\d+)?e\+\d+|[+-]?\.?inf(?:inity)?)$/i.test(value);
}

export const repository = z.custom<string>(
  (value) =>
    typeof value === "string" &&
    problemOfRepository(value) === undefined &&
    parseRepository(value).credentials === undefined,
  {
    error: ({ input }) => {
      const example = `for example ${DEFAULT_REPOSITORY}`;
      const problem = typeof input === "string" ? problemOfRepository(input) : undefined;
      if (typeof input === "string" && problem === undefined) {
        return (
          "expected an address without credentials, which would stand in the state; " +
          `use ssh or git's credential helper, ${example}`
        );
      }
      const because = problem === undefined ? "" : ` (${problem})`;
      return (
        "expected https://host/path, ssh://user@host/path, user@host:path or an absolute path" +
        `${because}, ${example}`
      );
    },
  },
);

/** The address as browsers name it: scheme and host, without a slash at the end. */
export const url = z.custom<string>((value) => originOf(value) !== undefined, {
  error:
    "expected the public address of the chat without a path, for example https://chat.example.org",
});

/** `https://chat.example.org` for every way to write it; undefined for what isn't such an address. */
export function originOf(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^https?:\/\/[^\s\\@?#]+$/i.test(value)) return undefined;
  try {
    const { origin, hostname, pathname } = new URL(value);
    return pathname === "/" && /^[a-z0-9[]/.test(hostname) ? origin : undefined;
  } catch {
    return undefined;
  }
}

export const names = (pattern: RegExp, expected: string) =>
  z.preprocess(
    // One name, or several with commas, as `pulumi config set profiles turn` gives them.
    (value) => (typeof value === "string" && value !== "" ? value.split(",") : value),
    z.array(
      z.custom<string>((value) => typeof value === "string" && pattern.test(value), expected),
      {
        error: expected,
      },
    ),
  );

export const ipAddress = z.custom<string>(
  (value) => typeof value === "string" && isIP(value) !== 0 && !value.includes("%"),
  { error: "expected an IP address of the server, for example 127.0.0.1" },
);

/** An address of mail. */
export const mail = z.custom<string>((value) => mailSchema.safeParse(value).success, {
  error: "expected an address of mail, for example admin@example.org",
});

/** Where messages go as JSON. */
export const webhook = z.custom<string>((value) => webhookSchema.safeParse(value).success, {
  error:
    "expected an https address without a user name in it, for example https://hooks.example.org/services/...",
});

/** The name of a backup, as `npx chatalot backup list` has it. */
export const backupName = z.custom<string>((value) => backupNameSchema.safeParse(value).success, {
  error: "expected the name of a backup, for example 000012-20260301T201500Z",
});

export const volumeName = z.custom<string>(
  (value) => typeof value === "string" && /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(value),
  { error: "expected Docker's name of a volume, for example chat_postgres_data" },
);

export const projectName = z.custom<string>(
  (value) => typeof value === "string" && /^[a-z0-9][a-z0-9_-]{0,39}$/.test(value),
  { error: "expected up to 40 lower-case letters, digits, - and _, for example chatalot" },
);
