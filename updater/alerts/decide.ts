/** Which of what is wrong is told now: each once when it begins, once a day while it lasts, once when it ends. */
import type { Condition, ConditionName } from "./protocol.ts";

/** What is remembered of a condition from one look to the next. */
export interface Remembered {
  text: string;
  /** When it was seen first, as ISO. */
  since: string;
  /** How many looks in a row have seen it. */
  seen: number;
  /** When it was told last; absent: not yet. */
  toldAt?: string;
  /** It is over, and this was not told yet. */
  isOver?: boolean;
}

export type Memory = Partial<Record<ConditionName, Remembered>>;

/** What is to be said. */
export interface Message {
  begun: ConditionName[];
  lasting: ConditionName[];
  over: ConditionName[];
}

/** A restart takes a few seconds; who is away for two looks is away. */
const PATIENCE: Partial<Record<ConditionName, number>> = { chat: 2 };

const DAY = 86_400_000;

/**
 * @param unknown what could not be looked at now: it stays as it was
 * @returns the memory as it is now, and what of it is to be told
 */
export function decide(
  before: Memory,
  found: readonly Condition[],
  unknown: readonly ConditionName[],
  now: Date,
): { memory: Memory; message: Message } {
  const memory: Memory = {};
  const message: Message = { begun: [], lasting: [], over: [] };
  for (const { name, text } of found) {
    const known = before[name];
    const goesOn = known !== undefined && known.isOver !== true ? known : undefined;
    const remembered: Remembered = {
      text,
      since: goesOn?.since ?? now.toISOString(),
      seen: (goesOn?.seen ?? 0) + 1,
      // One that came back before its end could be told was never over for who reads.
      ...(known?.toldAt === undefined ? {} : { toldAt: known.toldAt }),
    };
    memory[name] = remembered;
    if (remembered.toldAt !== undefined) {
      if (now.getTime() - Date.parse(remembered.toldAt) >= DAY) message.lasting.push(name);
    } else if (remembered.seen >= (PATIENCE[name] ?? 1)) message.begun.push(name);
  }
  for (const [name, known] of Object.entries(before) as [ConditionName, Remembered][]) {
    if (memory[name] !== undefined) continue;
    if (unknown.includes(name)) memory[name] = known;
    else if (known.toldAt !== undefined) {
      memory[name] = { ...known, isOver: true };
      message.over.push(name);
    }
  }
  return { memory, message };
}

/** The memory once a message was sent. */
export function afterTelling(memory: Memory, message: Message, now: Date): Memory {
  const told = { ...memory };
  for (const name of [...message.begun, ...message.lasting]) {
    const remembered = told[name];
    if (remembered !== undefined) told[name] = { ...remembered, toldAt: now.toISOString() };
  }
  for (const name of message.over) delete told[name];
  return told;
}

export function isSilent({ begun, lasting, over }: Message): boolean {
  return begun.length + lasting.length + over.length === 0;
}
