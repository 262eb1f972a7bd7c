import { expect } from "chai";
import { afterTelling, decide, isSilent, type Memory } from "../../../updater/alerts/decide.ts";
import type { Condition } from "../../../updater/alerts/protocol.ts";

const DOWN: Condition = { name: "chat", text: "the chat is down" };
const DISK: Condition = { name: "disk", text: "the disk is full" };

/** The time of a look, in minutes after the first. */
const at = (minutes: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minutes));

describe("which of what is wrong is told", () => {
  let memory: Memory;
  beforeEach(() => {
    memory = {};
  });

  /** One look whose message arrives. */
  function look(minutes: number, found: Condition[], unknown: Condition["name"][] = []) {
    const decided = decide(memory, found, unknown, at(minutes));
    memory = afterTelling(decided.memory, decided.message, at(minutes));
    return decided.message;
  }

  it("is told once when it begins and once when it ends", () => {
    expect(look(0, [DISK]).begun).to.deep.equal(["disk"]);
    expect(isSilent(look(5, [DISK]))).to.equal(true);
    expect(look(10, []).over).to.deep.equal(["disk"]);
    expect(isSilent(look(15, []))).to.equal(true);
    expect(memory).to.deep.equal({});
  });

  it("is a chat that is away at two looks in a row, not one that restarts", () => {
    expect(isSilent(look(0, [DOWN]))).to.equal(true);
    expect(isSilent(look(5, []))).to.equal(true);
    expect(isSilent(look(10, [DOWN]))).to.equal(true);
    expect(look(15, [DOWN]).begun).to.deep.equal(["chat"]);
    expect(memory.chat?.since).to.equal(at(10).toISOString());
  });

  it("is told again once a day while it lasts", () => {
    look(0, [DISK]);
    expect(isSilent(look(24 * 60 - 1, [DISK]))).to.equal(true);
    expect(look(24 * 60, [DISK]).lasting).to.deep.equal(["disk"]);
    expect(isSilent(look(24 * 60 + 5, [DISK]))).to.equal(true);
  });

  it("stays as it was while it can't be looked at", () => {
    look(0, [DISK]);
    expect(isSilent(look(5, [], ["disk"]))).to.equal(true);
    expect(look(10, []).over).to.deep.equal(["disk"]);
  });

  it("is told by the next look where no message arrived", () => {
    const first = decide({}, [DISK], [], at(0));
    expect(first.message.begun).to.deep.equal(["disk"]);
    expect(decide(first.memory, [DISK], [], at(5)).message.begun).to.deep.equal(["disk"]);
    const told = afterTelling(first.memory, first.message, at(0));
    const over = decide(told, [], [], at(5));
    expect(decide(over.memory, [], [], at(10)).message.over).to.deep.equal(["disk"]);
  });

  it("is never over for who reads, where it came back before its end was told", () => {
    look(0, [DISK]);
    const over = decide(memory, [], [], at(5));
    const back = decide(over.memory, [DISK], [], at(10));
    expect(isSilent(back.message)).to.equal(true);
    expect(back.memory.disk?.isOver).to.equal(undefined);
  });
});
