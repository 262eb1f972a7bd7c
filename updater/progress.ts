import { appendFile } from "node:fs/promises";
import { plainText } from "./plain-text.ts";
import type { ProgressLine } from "./protocol.ts";

/** Longest line kept; a build can print anything. */
const MAXIMUM_LINE = 400;

/** Where a job tells what it does. The operator's side follows the file. */
export class Progress {
  private pending: Promise<void> = Promise.resolve();
  /** Ends a line that an earlier process was killed in. */
  private lead = "\n";

  constructor(private readonly path: string) {}

  /** A milestone, kept in the operator's output. */
  tell(step: string, text: string): void {
    this.write({ at: new Date().toISOString(), step, text: clean(text) });
  }

  /** A detail of the moment, shown in the status column only. */
  detail(step: string, text: string): void {
    const line = clean(text);
    if (line !== "") this.write({ at: new Date().toISOString(), step, text: line, detail: true });
  }

  /** Returns when everything told so far is in the file. */
  async flushed(): Promise<void> {
    await this.pending;
  }

  private write(line: ProgressLine): void {
    // A full disk must not stop a revert, so a line that can't be written is lost.
    const text = `${this.lead}${JSON.stringify(line)}\n`;
    this.lead = "";
    this.pending = this.pending
      .then(() => appendFile(this.path, text, { mode: 0o600 }))
      .catch(() => undefined);
  }
}

function clean(text: string): string {
  const plain = plainText(text).trim();
  return plain.length > MAXIMUM_LINE ? `${plain.slice(0, MAXIMUM_LINE)} ...` : plain;
}
