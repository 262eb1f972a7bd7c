import { Text, listOf, textOf, type Section, type Value } from "./compose-document.ts";
import { splitOutsideVariables, withDefaults } from "./compose-variables.ts";

/** A port of a container that is reachable from outside of Docker's networks. */
export interface PublishedPort {
  /** The address on the host; absent: all of them. */
  address?: string;
  /** The port or range on the host; absent: one that Docker chooses. */
  published?: string;
  /** The port or range in the container. */
  target: string;
  protocol: string;
}

/** The published ports of a service, variables replaced by their defaults. */
export function publishedPorts(service: Section): PublishedPort[] {
  return listOf(service, "ports").flatMap((mapping) => readMapping(mapping) ?? []);
}

/** `8080/tcp` for a mapping to that port of the container; ranges as they are written. */
export function containerPortOf(mapping: Value): string | undefined {
  const port = readMapping(mapping);
  return port === undefined ? undefined : `${port.target}/${port.protocol}`;
}

function readMapping(mapping: Value): PublishedPort | undefined {
  if (mapping instanceof Map) return readLongForm(mapping);
  return mapping instanceof Text ? readShortForm(mapping.text) : undefined;
}

function readLongForm(mapping: Section): PublishedPort | undefined {
  const value = (key: string): string => withDefaults(textOf(mapping, key) ?? "");
  const target = value("target");
  if (target === "") return undefined;
  return port(value("host_ip"), value("published"), target, value("protocol"));
}

/** `[address:][published:]target[/protocol]`, an IPv6 address with or without brackets. */
function readShortForm(text: string): PublishedPort | undefined {
  const parts = splitOutsideVariables(text, ":").map(withDefaults);
  const [target = "", protocol = ""] = (parts.pop() ?? "").split("/");
  const published = parts.pop() ?? "";
  return port(parts.join(":").replace(/^\[|\]$/g, ""), published, target, protocol);
}

function port(address: string, published: string, target: string, protocol: string): PublishedPort {
  return {
    ...(address === "" ? {} : { address }),
    ...(published === "" ? {} : { published }),
    target,
    protocol: protocol === "" ? "tcp" : protocol,
  };
}
