import type { Driver } from "../drivers/driver.ts";

/** An address of the host that another program has. */
export interface TakenPort {
  address: string;
  port: number;
  /** `nc (process 4711)`. */
  owner: string;
}

/** Those of some addresses that another program than Chatalot has. */
export async function takenPorts(
  driver: Pick<Driver, "portOwner">,
  places: readonly { address: string; port: number }[],
): Promise<TakenPort[]> {
  const taken: TakenPort[] = [];
  const each = new Map(places.map((place) => [`${place.address} ${place.port}`, place]));
  for (const { address, port } of each.values()) {
    const owner = await driver.portOwner(address, port);
    if (owner !== undefined) taken.push({ address, port, owner });
  }
  return taken;
}

/** `port 8080 on 127.0.0.1 is used by nc (process 4711)` */
export function describeTaken({ address, port, owner }: TakenPort): string {
  return `port ${port} on ${address} is used by ${owner}`;
}
