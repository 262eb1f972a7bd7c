/** Questions and answers in a terminal. */
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { UserError } from "../../common/errors.ts";
import { CanceledError } from "../exit-codes.ts";

/** One thing that is asked for. */
export interface Question<Value> {
  /** What is asked, in a few words without a question mark: `Public address`. */
  text: string;
  /** What `?` shows: what the answer means and how to find it. */
  help: string;
  /** Taken for an empty answer. Absent: there must be an answer. */
  default?: string;
  /** How the default is shown, where it is not a text of its own: `none`. */
  shownDefault?: string;
  /**
   * The value of an answer.
   *
   * @throws UserError for an answer that is wrong; its text is shown and the question asked again
   */
  read(answer: string): Value;
}

/** The widest line of prose, in characters. */
const WIDTH = 80;

export class Dialog {
  /** Rejects with CanceledError at ^C, whatever is done at that moment. */
  readonly canceled: Promise<never>;
  readonly #interface: Interface;
  readonly #output: Writable;
  readonly #hasColor: boolean;
  /** Lines that came before they were asked for, and whoever waits for one. */
  readonly #lines: string[] = [];
  #waiting: ((line: string) => void) | undefined;

  /** @param terminal whether a person sits there: lines can be edited, and ^C arrives here */
  constructor(input: Readable, output: Writable, terminal: boolean) {
    this.#output = output;
    // https://no-color.org: set and not empty.
    this.#hasColor = terminal && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb";
    this.#interface = createInterface({ input, output, terminal, historySize: 0 });
    this.#interface.on("line", (line) => {
      if (this.#waiting === undefined) this.#lines.push(line);
      else this.#waiting(line);
    });
    this.canceled = new Promise((_resolve, reject) => {
      const cancel = (): void => reject(new CanceledError("canceled"));
      this.#interface.on("SIGINT", cancel);
      this.#interface.on("close", cancel);
    });
    // Whoever asks waits for it; where nobody does, nothing has to happen.
    this.canceled.catch(() => undefined);
  }

  /** Asks until there is an answer that is right. */
  async ask<Value>(question: Question<Value>): Promise<Value> {
    const shown = question.shownDefault ?? question.default;
    const proposal = shown === undefined ? "" : ` [${shown}]`;
    for (;;) {
      const answer = (await this.#line(`${this.#bold(question.text)}${proposal}: `)).trim();
      if (answer === "?") {
        this.say(question.help);
        continue;
      }
      try {
        if (answer !== "" || question.default !== undefined)
          return question.read(answer === "" ? (question.default ?? "") : answer);
        this.say("There is no default: type an answer, or ? for help.");
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        this.say(error.message);
      }
    }
  }

  /** Shows prose, wrapped; lines that begin with a space are commands and stay as they are. */
  say(text: string): void {
    this.#output.write(`${wrap(text)}\n`);
  }

  /** Ends the questions; from here on ^C means to the process what it always means. */
  close(): void {
    this.#interface.removeAllListeners("close");
    this.#interface.close();
  }

  async #line(prompt: string): Promise<string> {
    this.#interface.setPrompt(prompt);
    this.#interface.prompt();
    const early = this.#lines.shift();
    if (early !== undefined) return early;
    const line = new Promise<string>((resolve) => (this.#waiting = resolve));
    try {
      return await Promise.race([line, this.canceled]);
    } finally {
      this.#waiting = undefined;
    }
  }

  #bold(text: string): string {
    return this.#hasColor ? `\u001b[1m${text}\u001b[22m` : text;
  }
}

/** Breaks lines of prose between words; a word that is longer than a line stays whole. */
export function wrap(text: string, width = WIDTH): string {
  return text
    .split("\n")
    .flatMap((line) => (line.startsWith(" ") ? [line] : wrapLine(line, width)))
    .join("\n");
}

function wrapLine(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
