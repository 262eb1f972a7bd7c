/** Who holds a port of the host. */
import { command } from "../../command.ts";
import { docker } from "./docker.ts";

/** @returns the program that keeps a port from being bound; undefined where it is free, or the project's own */
export async function portOwner(
  project: string,
  address: string,
  port: number,
): Promise<string | undefined> {
  const listening = await command("list the open ports", [
    ...["ss", "--listening", "--tcp", "--numeric", "--processes", "--no-header"],
    ...[`sport = :${port}`],
  ]);
  const conflicting = listening
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => conflicts(fields[3] ?? "", address));
  if (conflicting.length === 0) return undefined;
  const own = await docker("list the published ports", [
    ...["ps", "--quiet", "--filter", `publish=${port}/tcp`],
    ...["--filter", `label=com.docker.compose.project=${project}`],
  ]);
  if (own !== "") return undefined;
  const process = /users:\(\("([^"]+)",pid=(\d+)/.exec(listening);
  return process === null ? "another program" : `${process[1]} (process ${process[2]})`;
}

/** Whether a listening socket keeps an address from being bound. */
function conflicts(socket: string, address: string): boolean {
  const listening = socket
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "")
    .replace(/%.*$/, "");
  const any = ["0.0.0.0", "::", "*"];
  return any.includes(listening) || any.includes(address) || listening === address;
}
