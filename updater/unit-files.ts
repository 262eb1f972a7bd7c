/**
 * Timers of ours as files of systemd: written, removed, compared with what they should be. Which there are
 * is said by what owns them (schedule/, alerts/).
 */
import { command } from "./command.ts";
import { readFileIfThere, removeDurably, writeFileDurably } from "./files.ts";

const FOLDER = "/etc/systemd/system";

/** The text of each unit's file by its name: for every timer the service of the same name is there as well. */
export type UnitFiles = ReadonlyMap<string, string>;

/** Writes the units and starts their timers. */
export async function installUnits(files: UnitFiles): Promise<void> {
  for (const [name, text] of files)
    if ((await readFileIfThere(`${FOLDER}/${name}`)) !== text)
      await writeFileDurably(`${FOLDER}/${name}`, text, 0o644);
  await readUnitsAgain();
  for (const name of timersOf(files)) {
    await command("switch the timer on", ["systemctl", "enable", "--quiet", name]);
    // A timer that runs already keeps the old times until it is started anew.
    await command("start the timer", ["systemctl", "restart", name]);
  }
}

/**
 * Stops timers and removes their files. A job that one of them asked for goes on.
 *
 * @param units their names without an ending
 */
export async function removeUnits(units: readonly string[]): Promise<void> {
  for (const unit of units) {
    const timer = `${unit}.timer`;
    if ((await readFileIfThere(`${FOLDER}/${timer}`)) !== undefined)
      await command("switch the timer off", ["systemctl", "disable", "--quiet", "--now", timer]);
    for (const name of [timer, `${unit}.service`]) await removeDurably(`${FOLDER}/${name}`);
  }
  await readUnitsAgain();
}

/** How the units differ from what they should be, each in words. */
export async function unitDrift(files: UnitFiles): Promise<string[]> {
  const drift: string[] = [];
  for (const [name, text] of files) {
    const found = await readFileIfThere(`${FOLDER}/${name}`);
    if (found !== text) {
      drift.push(`the systemd unit ${name} is ${found === undefined ? "missing" : "changed"}`);
      continue;
    }
    if (!name.endsWith(".timer")) continue;
    const properties = await showUnit(name, ["ActiveState", "UnitFileState"]);
    if (properties.get("ActiveState") !== "active") drift.push(`the timer ${name} does not run`);
    else if (properties.get("UnitFileState") !== "enabled")
      drift.push(`the timer ${name} would not run after a reboot`);
  }
  return drift;
}

/** What systemd says of a unit, times in UTC. */
export async function showUnit(unit: string, properties: string[]): Promise<Map<string, string>> {
  const text = await command(
    "look at a timer",
    ["systemctl", "show", `--property=${properties.join(",")}`, unit],
    { environment: { TZ: "UTC" } },
  );
  return new Map(
    text.split("\n").map((line) => {
      const [name = "", ...value] = line.split("=");
      return [name, value.join("=")];
    }),
  );
}

function timersOf(files: UnitFiles): string[] {
  return [...files.keys()].filter((name) => name.endsWith(".timer"));
}

async function readUnitsAgain(): Promise<void> {
  await command("read the units again", ["systemctl", "daemon-reload"]);
}
