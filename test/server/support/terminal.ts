/** A command in a pseudo-terminal, made by script(1) of util-linux, and somebody who types there. */
import { setTimeout as sleep } from "node:timers/promises";
import { execa, type ResultPromise } from "execa";
import { quoteCommand } from "../../../common/quote.ts";

/** The longest wait for a text, in milliseconds: a first read of a repository, a slow machine. */
const PATIENCE = 120_000;

export class Terminal {
  #output = "";
  /** Up to where the output has been read. */
  #read = 0;
  readonly #child: ResultPromise<{ reject: false }>;

  /** @param environment all variables of the command */
  constructor(argv: readonly string[], cwd: string, environment: Record<string, string>) {
    const command = `stty cols 80 rows 40; exec ${quoteCommand(argv)}`;
    this.#child = execa("script", ["-qfec", command, "/dev/null"], {
      cwd,
      extendEnv: false,
      env: { ...environment, SHELL: "/bin/sh", TERM: "xterm" },
      stdin: "pipe",
      reject: false,
      timeout: 300_000,
    }) as ResultPromise<{ reject: false }>;
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** All that was shown, without what moves the cursor or colours. */
  get screen(): string {
    return plain(this.#output);
  }

  /** Waits for a text that was not waited for before, and gives what came until then. */
  async until(text: string): Promise<string> {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const unread = this.screen.slice(this.#read);
      const at = unread.indexOf(text);
      if (at !== -1) {
        this.#read += at + text.length;
        return unread.slice(0, at);
      }
      if (this.#child.exitCode !== null || Date.now() > deadline)
        throw new Error(`"${text}" never came; on the screen:\n${this.screen}`);
      await sleep(50);
    }
  }

  /** Waits for a question and answers it; gives what came before it. */
  async answer(question: string, answer: string): Promise<string> {
    const before = await this.until(question);
    this.#child.stdin?.write(`${answer}\r`);
    return before;
  }

  /** ^C */
  interrupt(): void {
    this.#child.stdin?.write("\u0003");
  }

  /** Waits for the end and gives the exit code. */
  async end(): Promise<number | undefined> {
    const { exitCode } = await this.#child;
    return exitCode;
  }
}

function plain(text: string): string {
  return text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");
}
