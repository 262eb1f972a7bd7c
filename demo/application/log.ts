type Level = "INFO" | "WARN" | "ERROR";

const COLOUR: Record<Level, number> = { INFO: 32, WARN: 33, ERROR: 31 };

/** Writes one coloured line; colours are there without a terminal, too, as in the real server's. */
export function log(level: Level, text: string): void {
  const time = new Date().toISOString();
  process.stdout.write(
    `\u001b[2m${time}\u001b[0m \u001b[${COLOUR[level]}m${level.padStart(5)}\u001b[0m ` +
      `\u001b[2mchatalot_server\u001b[0m\u001b[2m:\u001b[0m ${text}\n`,
  );
}
