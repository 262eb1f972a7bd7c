/** What a message says. */
import { hostname } from "node:os";
import { plainText } from "../../common/text.ts";
import type { Memory, Message } from "./decide.ts";
import type { Letter } from "./deliver.ts";
import type { ConditionName } from "./protocol.ts";

/** Whom a message is about. */
export interface Sender {
  directory: string;
  instanceId: string;
}

export function letterOf(sender: Sender, memory: Memory, message: Message): Letter {
  const line = (name: ConditionName, before: string): string => {
    const { text = name, since = "" } = memory[name] ?? {};
    return `${before}${plainText(text)} (since ${since})`;
  };
  const wrong = message.begun.length + message.lasting.length;
  const lines = [
    ...message.begun.map((name) => line(name, "")),
    ...message.lasting.map((name) => line(name, "still: ")),
    ...message.over.map((name) => line(name, "over: ")),
  ];
  const facts = (names: readonly ConditionName[]): unknown[] =>
    names.map((name) => ({ name, text: memory[name]?.text, since: memory[name]?.since }));
  const about = wrong > 0 ? `${wrong} ${wrong === 1 ? "problem" : "problems"}` : "well again";
  return letter(sender, about, lines, {
    begun: facts(message.begun),
    lasting: facts(message.lasting),
    over: facts(message.over),
  });
}

/** What shows that messages arrive. */
export function testLetter(sender: Sender): Letter {
  const text = "this is a test: alerts of this chat arrive here";
  return letter(sender, "test of the alerts", [text], { test: true });
}

function letter(
  { directory, instanceId }: Sender,
  about: string,
  lines: string[],
  facts: Record<string, unknown>,
): Letter {
  const where = hostname().replace(/[^\x21-\x7e]/g, "?");
  return {
    subject: `Chatalot on ${where}: ${about}`,
    text: [`Chatalot on ${where} (${directory}):`, ...lines.map((line) => `- ${line}`)].join("\n"),
    facts: { host: where, directory, instance: instanceId, ...facts },
  };
}
