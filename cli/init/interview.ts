/** Where answers come from: a flag, else the default where `--yes` says so, else the operator. */
import { UserError } from "../../common/errors.ts";
import { type Dialog, type Question, wrap } from "./dialog.ts";
import { UsageError } from "../exit-codes.ts";
import { type AnswerFlag, flagName, type Flags } from "./flags.ts";

/** A question that a flag can answer. */
export interface FlagQuestion<Value> extends Question<Value> {
  flag?: AnswerFlag;
  /** `--yes` doesn't take its default: the answer decides where or whether it goes on. */
  needsAnswer?: true;
}

export class Interview {
  /** Flags whose answer turned out not to work, so that the operator is asked. */
  readonly #spent = new Set<AnswerFlag>();

  constructor(
    readonly flags: Flags,
    private readonly dialog: Dialog | undefined,
    private readonly write: (text: string) => void = (text) => console.log(text),
  ) {}

  /** Whether somebody can be asked. */
  get isInteractive(): boolean {
    return this.dialog !== undefined;
  }

  async answer<Value>(question: FlagQuestion<Value>): Promise<Value> {
    const given = this.#given(question.flag);
    if (given !== undefined && question.flag !== undefined)
      return readFlag(question.flag, given, (text) => question.read(text));
    let proposal: FlagQuestion<Value> = question;
    if (this.#takesDefault(question) && question.default !== undefined) {
      try {
        return question.read(question.default);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        // The default itself doesn't work here: the operator has to know something better.
        this.failed(error.message);
        const { default: _wrong, ...withoutDefault } = question;
        proposal = withoutDefault;
      }
    }
    if (this.dialog === undefined)
      throw new UsageError(
        `"${question.text}" has no answer: ${question.flag === undefined ? "it can only be given in a terminal" : `${flagName(question.flag)} is missing`}. Nothing was written.`,
      );
    return await this.dialog.ask(proposal);
  }

  /** An answer of the last question's did not work: says why, and lets it be asked again. */
  failed(message: string, flag?: AnswerFlag): void {
    if (this.dialog === undefined) throw new UserError(`${message}\nNothing was written.`);
    if (flag !== undefined) this.#spent.add(flag);
    this.say(message);
  }

  say(text: string): void {
    if (this.dialog === undefined) this.write(wrap(text));
    else this.dialog.say(text);
  }

  /** A question that is asked again is left to the operator, or it would be answered the same. */
  #takesDefault({ flag, needsAnswer }: FlagQuestion<unknown>): boolean {
    const isAskedAgain = flag !== undefined && this.#spent.has(flag);
    return this.flags.yes === true && needsAnswer !== true && !isAskedAgain;
  }

  #given(flag: AnswerFlag | undefined): string | undefined {
    return flag === undefined || this.#spent.has(flag) ? undefined : this.flags[flag];
  }
}

/** @throws UsageError naming the flag where its value is wrong */
export function readFlag<Value>(
  flag: AnswerFlag,
  text: string,
  read: (text: string) => Value,
): Value {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UsageError(`${flagName(flag)}: ${error.message}`);
  }
}
