/**
 * Names of images in a registry. They end in docker's argument vector on the server, so that only
 * what is listed here passes: nothing begins with a dash, and nothing is quoted or expanded.
 */

const HOST = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?";
const PART = "[a-z0-9]+(?:[._-]+[a-z0-9]+)*";
const NAME = `${HOST}(?:/${PART})+`;
const TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const REFERENCE = new RegExp(`^(${NAME})(?::(${TAG}))?(@sha256:[0-9a-f]{64})?$`);

const LONGEST = 300;

/** An image's name with its tag or digest, where it has one. */
export interface ImageReference {
  /** `ghcr.io/us/chatalot` */
  name: string;
  tag?: string;
  /** `@sha256:…` */
  digest?: string;
}

/** Undefined for what is no such name. One without a slash is none: it could be a mistyped word. */
export function parseImage(text: string): ImageReference | undefined {
  const match = text.length > LONGEST ? null : REFERENCE.exec(text);
  if (match === null) return undefined;
  const [, name = "", tag, digest] = match;
  return {
    name,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Whether a text is a tag that a registry can have. */
export function isImageTag(text: string): boolean {
  return new RegExp(`^${TAG}$`).test(text);
}

/** The registry that `docker login` has to be told. */
export function registryOf(reference: string): string {
  const [host = ""] = reference.split("/");
  // As docker decides it: without a dot or a port the first part is a name on Docker Hub.
  return /[.:]/.test(host) || host === "localhost" ? host : "docker.io";
}

/** An image as a compose file names it; `postgres` alone is one of Docker Hub. */
const IN_COMPOSE = new RegExp(
  `^((?:${HOST}/)?${PART}(?:/${PART})*)(?::(${TAG}))?(@sha256:[0-9a-f]{64})?$`,
);

/**
 * As {@link parseImage}, for the image of a service of a compose file, which needs no registry. Without a
 * tag and without a digest it is `latest`, as for docker.
 */
export function parseServiceImage(text: string): ImageReference | undefined {
  const match = text.length > LONGEST ? null : IN_COMPOSE.exec(text);
  if (match === null) return undefined;
  const [, name = "", tag, digest] = match;
  return {
    name,
    ...(tag === undefined ? (digest === undefined ? { tag: "latest" } : {}) : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** An image of which nothing can move: `name:tag@sha256:…`. */
export function isPinnedImage(text: string): boolean {
  const { tag, digest } = parseServiceImage(text) ?? {};
  return tag !== undefined && digest !== undefined;
}

/**
 * The major version of PostgreSQL that an image's tag begins with, as all tags of the official one do:
 * `postgres:18`, `postgres:18.1-trixie`. Undefined: the tag says none.
 */
export function postgresMajorOf(text: string): number | undefined {
  const digits = /^(\d{1,3})(?![\dA-Za-z])/.exec(parseServiceImage(text)?.tag ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
