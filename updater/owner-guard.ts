/**
 * The owner guard. The first account to register becomes the owner, whatever REGISTRATION_MODE says,
 * and Docker's rules open a published port before a firewall such as ufw is asked. So a new chat is
 * published on loopback until it has an account.
 */
import { BlockList, isIPv6 } from "node:net";
import type { Configuration, ServingRecord } from "./protocol.ts";

/** An address and a port of the server's host. */
export interface Listen {
  address: string;
  port: number;
}

/** Where a guarded chat is published: every tunnel and every reverse proxy on the host finds it. */
const GUARDED_ADDRESS = "127.0.0.1";

/** What the guard decides by. */
export interface GuardFacts {
  /** The switch that served last, also when its containers were removed since. */
  last?: Pick<ServingRecord, "listen">;
  /** Whether the chat has an account; undefined while its database does not answer. */
  hasAccounts?: boolean;
}

/**
 * Where the chat is published now: as asked, or on loopback as long as nobody owns it.
 *
 * A chat that was served on another address keeps it: closing that would take it away from its
 * visitors, and whoever wanted to be first has had the time.
 */
export function guardedListen(
  { listen, beforeOwner }: Pick<Configuration, "listen" | "beforeOwner">,
  { last, hasAccounts }: GuardFacts,
): Listen {
  if (beforeOwner === "open" || isLoopback(listen.address)) return listen;
  // Records of before there was a guard don't name the address: what served then was not guarded.
  const wasOpen =
    last !== undefined && (last.listen === undefined || !isLoopback(last.listen.address));
  if (wasOpen || hasAccounts === true) return listen;
  return { address: GUARDED_ADDRESS, port: listen.port };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");

const EVERYWHERE = new BlockList();
EVERYWHERE.addAddress("0.0.0.0");
EVERYWHERE.addAddress("::", "ipv6");

/** Whether only the host itself reaches an address. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** Whether it stands for all addresses of the host. */
export function isEverywhere(address: string): boolean {
  return EVERYWHERE.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}
