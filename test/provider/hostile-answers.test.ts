import { PassThrough } from "node:stream";
import { expect } from "chai";
import { backupEntries, describeBackups } from "../../cli/backup/list.ts";
import { historyEntries } from "../../cli/history/entries.ts";
import { historyTable } from "../../cli/history/table.ts";
import { predicamentText } from "../../cli/predicament.ts";
import { chooseTarget, databaseFor } from "../../cli/rollback/target.ts";
import { describeStatus, judge } from "../../cli/status.ts";
import { shown } from "../../common/engine-markup.ts";
import { UserError } from "../../common/errors.ts";
import { instanceRefusals } from "../../provider/place.ts";
import { RUN_CHECKED } from "../../provider/server/checked-runner.ts";
import { HOST_PROBE, parseHostFacts } from "../../provider/server/host-facts.ts";
import { RemoteServer } from "../../provider/server/remote-server.ts";
import {
  backupsOf,
  offerBackupTo,
  removeBackupOf,
  sendBackupTo,
} from "../../provider/server/server-backups.ts";
import {
  foreseeAlertsOf,
  removeAlertsOf,
  setAlertsOf,
  testAlertsOf,
} from "../../provider/server/server-alerts.ts";
import { adoptOn, forgetOn, lookForChatOn } from "../../provider/server/server-adoption.ts";
import { foreseeRoomIfInstalled } from "../../provider/server/foresee.ts";
import { historyOf } from "../../provider/server/server-history.ts";
import {
  foreseeScheduleOf,
  removeScheduleOf,
  setScheduleOf,
} from "../../provider/server/server-schedule.ts";
import { updaterBundle } from "../../provider/server/updater-bundle.ts";
import { PROTOCOL } from "../../updater/protocol.ts";
import { needsOperatorText, repeatedRevert, underWay } from "../../updater/texts.ts";
import {
  guardAgainstExecution,
  HOSTILE_KINDS,
  HOSTILE_VALUES,
  named,
  STEERS,
} from "../support/hostile-values.ts";
import * as honest from "./support/full-answers.ts";
import { place, readyFacts } from "./support/samples.ts";
import { abortJob, followJob, resolveOn, submitJob } from "../../provider/server/server-jobs.ts";

const NAME = "000012-20260301T201500Z";
const quiet = (): void => undefined;
const signal = new AbortController().signal;

/** Every question that is put to a server's updater, its honest answer, and what people see of it. */
const QUESTIONS: Record<
  string,
  {
    answer: unknown;
    ask: (server: RemoteServer) => Promise<unknown>;
    show?: (answer: never) => string;
  }
> = {
  inspect: { answer: honest.state, ask: (server) => server.state(), show: showState },
  submit: {
    answer: honest.submitted,
    ask: (server) => submitJob(server, { kind: "remove" } as never, quiet, signal),
    show: ({ serving }: { serving?: { release?: { name: string } } }) =>
      serving?.release?.name ?? "",
  },
  follow: {
    answer: honest.verdict,
    ask: (server) => followJob(server, 3, quiet, signal),
    show: ({ text }: { text: string }) => text,
  },
  abort: { answer: honest.aborted, ask: (server) => abortJob(server) },
  resolve: {
    answer: honest.predicament,
    ask: (server) => resolveOn(server, "show", "somebody", quiet),
    show: showPredicament,
  },
  backups: { answer: honest.backups, ask: (server) => backupsOf(server, quiet), show: showBackups },
  "remove-backup": {
    answer: honest.refused,
    ask: (server) => removeBackupOf(server, NAME, quiet),
    show: ({ reasons }: { reasons: string[] }) => reasons.join("\n"),
  },
  "offer-backup": {
    answer: honest.refused,
    ask: (server) => offerBackupTo(server, honest.brought, quiet),
  },
  "receive-backup": {
    answer: honest.refused,
    ask: (server) => sendBackupTo(server, honest.brought, new PassThrough().end(), quiet, signal),
  },
  history: { answer: honest.history, ask: (server) => historyOf(server, quiet), show: showHistory },
  "set-alerts": {
    answer: honest.refused,
    ask: (server) => setAlertsOf(server, { mail: "a@b", every: 60, diskFree: 0 }, quiet),
  },
  "foresee-room": {
    answer: honest.room,
    ask: (server) => foreseeRoomIfInstalled(server, { changes: 0, isUpgrade: false }),
    show: ({ refusals }: typeof honest.room) => refusals.join("\n"),
  },
  "foresee-schedule": {
    answer: honest.foreseenTimers,
    ask: (server) => foreseeScheduleOf(server, { backup: "daily UTC", keep: 1 }),
    show: ({ refusals }: typeof honest.foreseenTimers) => refusals.join("\n"),
  },
  "foresee-alerts": {
    answer: honest.foreseenTimers,
    ask: (server) => foreseeAlertsOf(server, { mail: "a@b" }),
    show: ({ refusals }: typeof honest.foreseenTimers) => refusals.join("\n"),
  },
  "test-alerts": {
    answer: { problems: ["it is away"] },
    ask: (server) => testAlertsOf(server, quiet),
  },
  "look-for-chat": {
    answer: honest.found,
    ask: (server) => lookForChatOn(server, quiet),
    show: ({ chat }: typeof honest.found) => `${chat.directory} ${chat.services.join(" ")}`,
  },
  "remove-schedule": {
    answer: honest.refused,
    ask: (server) => removeScheduleOf(server, "instance-a", quiet),
    show: ({ reasons }: { reasons: string[] }) => reasons.join("\n"),
  },
  "remove-alerts": {
    answer: honest.refused,
    ask: (server) => removeAlertsOf(server, "instance-a", quiet),
    show: ({ reasons }: { reasons: string[] }) => reasons.join("\n"),
  },
  adopt: { answer: honest.adopted, ask: (server) => adoptOn(server, {} as never, quiet) },
  forget: { answer: honest.forgotten, ask: (server) => forgetOn(server, quiet) },
  "set-schedule": {
    answer: honest.schedule,
    ask: (server) => setScheduleOf(server, { backup: "daily UTC", keep: 1 }, quiet),
  },
};

describe("hostile answers of a server", function () {
  this.timeout(300_000);
  guardAgainstExecution();

  const original = RemoteServer.openTransport;
  let output = "";
  let updater: string;
  /** The verbs that were asked. */
  const asked = new Set<string>();

  before(async () => {
    updater = `/usr/local/lib/chatalot-deploy/${(await updaterBundle()).sha256}/updater.mjs`;
    RemoteServer.openTransport = () => ({
      target: "root@chat.example.org",
      run: async (_label, argv, { onLine }) => {
        const said = (stdout: string) => ({ exitCode: 0, stdout, stderr: "" });
        if (argv[2] === HOST_PROBE) return said(`${readyFacts()}runner=${updater}\ninstance=yes\n`);
        expect(argv[2]).to.equal(RUN_CHECKED);
        asked.add(String(argv[6]));
        onLine?.(output);
        return said(output);
      },
      close: async () => undefined,
    });
  });
  after(async () => {
    await RemoteServer.closeAll();
    RemoteServer.openTransport = original;
  });

  for (const [verb, { answer, ask, show }] of Object.entries(QUESTIONS)) {
    it(`${verb}: the honest one is taken as it is`, async () => {
      expect(await answerTo(ask, JSON.stringify(answer))).not.to.be.instanceOf(Error);
      if (show !== undefined) expect(show(answer as never)).not.to.equal("");
    });

    it(`${verb}: what is none is refused`, async () => {
      for (const text of ["", "no JSON", "\u001b[31m{", "null", "1", '"x"', "[]", "[{}]", "{}"])
        expect(await answerTo(ask, text), named(text)).to.be.instanceOf(UserError);
      const other = JSON.stringify({ ...(answer as object), protocol: PROTOCOL + 1 });
      const refusal = await answerTo(ask, other);
      expect(refusal).to.be.instanceOf(UserError);
      expect((refusal as UserError).message).to.contain(`speaks protocol ${PROTOCOL + 1}`);
    });

    it(`${verb}: each hostile value in each place is shown as text, or refused`, async () => {
      const places = placesOf(answer);
      expect(places).not.to.deep.equal([]);
      let refused = 0;
      for (const path of places)
        for (const value of [...HOSTILE_KINDS, ...OTHER_TYPES]) {
          const text = JSON.stringify(replaced(answer, path, value));
          const taken = await answerTo(ask, text);
          const title = `${path.join(".")} is ${named(value)}`;
          if (taken instanceof Error) {
            refused += 1;
            expect(taken, title).to.be.instanceOf(UserError);
            expect(taken.message, title).not.to.match(STEERS);
            expect(taken.message.length, title).to.be.below(1_000);
          } else checkShown(show?.(taken as never) ?? "", title);
        }
      expect(refused).to.be.above(0);
    });
  }

  it("keys of objects are shown as text, and none becomes a prototype", async () => {
    for (const value of HOSTILE_VALUES) {
      const state = JSON.parse(JSON.stringify(honest.state)) as typeof honest.state;
      const volumes = JSON.parse(`{${JSON.stringify(value)}:5}`) as Record<string, number>;
      state.usage = { volumes };
      const taken = await answerTo((server) => server.stateWithUsage(), JSON.stringify(state));
      checkShown(showState(taken as never), named(value));
      expect(Object.getPrototypeOf((taken as typeof state).usage?.volumes ?? {})).to.equal(
        Object.prototype,
      );
    }
    expect(({} as Record<string, unknown>).PWNED).to.equal(undefined);
  });

  it("asked are all verbs of the updater that answer with a document", () => {
    expect([...asked].sort()).to.deep.equal(Object.keys(QUESTIONS).sort());
  });

  it("facts of the host are shown as text", () => {
    const keys = readyFacts()
      .split("\n")
      .map((line) => line.split("=")[0] ?? "");
    for (const key of [...keys, "container", "volume", "file", "socket", "unwritable", "runner"])
      for (const value of HOSTILE_VALUES) {
        const facts = parseHostFacts(`${readyFacts()}${key}=${value}\n${value}\n`);
        const text = JSON.stringify(facts, null, 1).replaceAll(/\\[nt]/g, "");
        checkShown(JSON.parse(JSON.stringify(text)) as string, `${key} is ${named(value)}`);
        for (const found of Object.values(facts).flat())
          if (typeof found === "string") expect(found).not.to.match(STEERS);
      }
  });

  async function answerTo(
    ask: (server: RemoteServer) => Promise<unknown>,
    text: string,
  ): Promise<unknown> {
    await RemoteServer.closeAll();
    output = text;
    return ask(RemoteServer.at(place)).catch((error: unknown) => error);
  }
});

const OTHER_TYPES: unknown[] = [null, true, -1, 1.5, 1e300, [], {}, ["x"], { answer: "x" }, [[]]];

/** All places in a value: members that are values, and those that have members. */
function placesOf(value: unknown, before: string[] = []): string[][] {
  if (value === null || typeof value !== "object") return [before];
  const inside = Object.entries(value).flatMap(([name, member]) =>
    placesOf(member, [...before, name]),
  );
  return before.length === 0 ? inside : [before, ...inside];
}

function replaced(value: unknown, [first, ...rest]: readonly string[], by: unknown): unknown {
  if (first === undefined) return by;
  const copy: Record<string, unknown> = Object.assign(Array.isArray(value) ? [] : {}, value);
  copy[first] = replaced(copy[first], rest, by);
  return copy;
}

function checkShown(text: string, title: string): void {
  expect(text, title).not.to.match(STEERS);
  expect(text.length, title).to.be.below(200_000);
  // As the provider hands it to the engine.
  expect(shown(text), title).not.to.contain("<{%");
}

function showState(state: typeof honest.state): string {
  const { serving, openJob, needsOperator, reverted, foreign } = state;
  return [
    describeStatus({ server: "root@chat", ...judge(state), state }),
    JSON.stringify(Object.keys(state)),
    ...(openJob === undefined ? [] : [underWay(openJob)]),
    ...(needsOperator === undefined ? [] : [needsOperatorText(needsOperator)]),
    ...reverted.map((entry) => repeatedRevert(serving?.release?.name ?? "", entry)),
    ...foreign,
    ...instanceRefusals({ instanceId: "other" }, { place }, state),
    ...instanceRefusals({}, { place }, state),
  ].join("\n");
}

/** Commands are there to be copied: what a server says must not add one to them. */
function showPredicament(answer: {
  answer: string;
  predicament?: typeof honest.predicament.predicament;
}): string {
  if (answer.predicament === undefined) return "";
  const lines = predicamentText(answer.predicament, "root@chat");
  const commands = lines.filter((line) => /^\s+(?:npx|pulumi|docker|'ALTER)\b/.test(line));
  for (const command of commands) {
    expect(command).to.match(/^[A-Za-z0-9_ .,:@/'+;\\<>=-]*$/);
    expect(command.split(";").length).to.be.at.most(2);
  }
  return lines.join("\n");
}

function showBackups(list: typeof honest.backups): string {
  const server = { target: "root@chat", place } as RemoteServer;
  for (const { name } of backupEntries(list.backups))
    expect(name).to.match(/^\d{6,}-\d{8}T\d{6}Z$/);
  return describeBackups({ server, ...list });
}

function showHistory(history: typeof honest.history): string {
  const entries = historyEntries(history, []);
  const told = historyTable(entries);
  try {
    const target = chooseTarget(entries);
    told.push(target.release.name, JSON.stringify(databaseFor(target, "backup")));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    told.push(error.message);
  }
  return told.join("\n");
}
