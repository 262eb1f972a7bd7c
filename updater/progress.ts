import { appendFile, stat } from "node:fs/promises";
import { plainText } from "../common/text.ts";
import type { ProgressLine } from "./protocol.ts";

/** Longest line kept; a build can print anything. */
const MAXIMUM_LINE = 400;

/** How large the file gets by details; a build that prints gigabytes must not fill the disk. */
const DETAIL_BYTES = 8 * 1024 ** 2;

/** The newest lines of what is left out, which say why a build failed. */
const KEPT_LINES = 100;

/**
 * Where a job tells what it does. The operator's side follows the file from where it was, so it only
 * grows: the first details are in it, then, at the next milestone, the newest of those that were left
 * out.
 */
export class Progress {
  private pending: Promise<void> = Promise.resolve();
  /** Ends a line that an earlier process was killed in. */
  private lead = "\n";
  /** Undefined until the first line: an earlier process may have written some. */
  private size: number | undefined;
  private leftOut: ProgressLine[] = [];
  private leftOutLines = 0;

  /** @param detailBytes how large the file gets by details */
  constructor(
    private readonly path: string,
    private readonly detailBytes = DETAIL_BYTES,
  ) {}

  /** A milestone, kept in the operator's output. */
  tell(step: string, text: string): void {
    this.then(async () => {
      await this.appendLeftOut();
      await this.append({ at: new Date().toISOString(), step, text: clean(text) });
    });
  }

  /** A detail of the moment, shown in the status column only. */
  detail(step: string, text: string): void {
    const line = clean(text);
    if (line === "") return;
    const detail: ProgressLine = { at: new Date().toISOString(), step, text: line, detail: true };
    // Without a promise each once the file is full: there may be millions of them.
    if (this.isFull()) this.leaveOut(detail);
    else
      this.then(async () => {
        this.size ??= await sizeOf(this.path);
        if (this.isFull()) this.leaveOut(detail);
        else await this.append(detail);
      });
  }

  /** Returns when everything told so far is in the file. */
  async flushed(): Promise<void> {
    this.then(() => this.appendLeftOut());
    await this.pending;
  }

  private isFull(): boolean {
    return this.size !== undefined && this.size >= this.detailBytes;
  }

  private leaveOut(line: ProgressLine): void {
    this.leftOutLines += 1;
    this.leftOut.push(line);
    if (this.leftOut.length > KEPT_LINES) this.leftOut.shift();
  }

  private async appendLeftOut(): Promise<void> {
    const [first] = this.leftOut;
    if (first === undefined) return;
    const lost = this.leftOutLines - this.leftOut.length;
    const newest = this.leftOut;
    [this.leftOut, this.leftOutLines] = [[], 0];
    if (lost > 0)
      await this.append({ ...first, text: `(${lost} lines are left out here: the log is full)` });
    for (const line of newest) await this.append(line);
  }

  private then(work: () => Promise<void> | void): void {
    // A full disk must not stop a revert, so a line that can't be written is lost.
    this.pending = this.pending.then(work).catch(() => undefined);
  }

  private async append(line: ProgressLine): Promise<void> {
    this.size ??= await sizeOf(this.path);
    const text = `${this.lead}${JSON.stringify(line)}\n`;
    this.lead = "";
    this.size += Buffer.byteLength(text);
    await appendFile(this.path, text, { mode: 0o600 });
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function clean(text: string): string {
  const plain = plainText(text).trim();
  return plain.length > MAXIMUM_LINE ? `${plain.slice(0, MAXIMUM_LINE)} ...` : plain;
}
