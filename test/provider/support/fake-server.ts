/** A server that answers from a table, at the one place where all remote work passes. */
import { RemoteServer } from "../../../provider/server/remote-server.ts";
import { RUN_CHECKED } from "../../../provider/server/checked-runner.ts";
import { HOST_PROBE } from "../../../provider/server/host-facts.ts";
import { updaterBundle } from "../../../provider/server/updater-bundle.ts";
import { type RunOptions, type RunResult, TransportError } from "../../../transport/index.ts";
import type { AdoptAnswer } from "../../../updater/adopt/protocol.ts";
import type { SetAlertsAnswer } from "../../../updater/alerts/protocol.ts";
import type { InstanceHistory } from "../../../updater/history-protocol.ts";
import {
  type FollowLine,
  type ForeseenAnswer,
  type ForeseenTimers,
  type JobRequest,
  PROTOCOL,
  type RemovedAnswer,
  type ServerState,
  type SubmitAnswer,
} from "../../../updater/protocol.ts";
import type { RoomAnswer, RoomRequest } from "../../../updater/room-protocol.ts";
import type { SetScheduleAnswer } from "../../../updater/schedule/protocol.ts";
import type { SideImageFacts } from "../../../updater/side-images-protocol.ts";
import { readyFacts } from "./samples.ts";

const RUNNERS = "/usr/local/lib/chatalot-deploy";

export class FakeServer {
  /** What the probe of the host prints, without the instance's lines. */
  facts = readyFacts();
  /** Undefined: there is no instance. */
  state: ServerState | undefined;
  history: InstanceHistory = { protocol: PROTOCOL, jobs: [], waysBack: [] };
  sideImages: SideImageFacts[] = [];
  answer: SubmitAnswer = { answer: "refused", reasons: ["not asked for"] };
  /** What would be answered; undefined: the answer. */
  foreseen: ForeseenAnswer | undefined;
  /** What is said of the room for an update. */
  room: RoomAnswer = { refusals: [] };
  /** The questions about that, in order. */
  readonly roomsAsked: RoomRequest[] = [];
  follow: FollowLine[] = [];
  /** Thrown by every command instead of an answer. */
  failure: Error | undefined;
  /** Thrown by the commands that submit a request, one after the other, after it has arrived. */
  submitFailures: Error[] = [];
  /** Thrown by the command that follows a job. */
  followFailure: Error | undefined;
  /** What is said to an adoption, or thrown by it. */
  adoption: AdoptAnswer | Error = { answer: "refused", reasons: ["not asked for"] };
  userReachesDocker = true;
  /** Whether this version's updater is there. */
  hasUpdater = true;

  /** The labels of all commands that ran. */
  readonly commands: string[] = [];
  readonly requests: JobRequest[] = [];
  /** What was asked of the timers, in order. */
  readonly schedules: unknown[] = [];
  /** What is said of timers before they are set. */
  foreseenTimers: ForeseenTimers = { refusals: [], isSet: false };
  /** The questions about that, in order. */
  readonly timersForeseen: { verb: string; request: unknown }[] = [];
  scheduleAnswer: SetScheduleAnswer = { answer: "set", next: {} };
  /** What is said to the end of timers and alerts. */
  removedAnswer: RemovedAnswer = { answer: "removed" };
  /** What was asked of the alerts, in order. */
  readonly alerts: unknown[] = [];
  alertsAnswer: SetAlertsAnswer = { answer: "set" };

  /** Every connection of this process leads here until {@link leave}. */
  async arrive(): Promise<void> {
    await RemoteServer.closeAll();
    RemoteServer.openTransport = () => ({
      target: "root@chat.example.org",
      run: (label, argv, options) => this.run(label, argv, options),
      close: async () => undefined,
    });
  }

  /** Makes later readings ask again, as another run of the provider does. */
  async nextRun(): Promise<void> {
    await RemoteServer.closeAll();
  }

  async leave(original: typeof RemoteServer.openTransport): Promise<void> {
    await RemoteServer.closeAll();
    RemoteServer.openTransport = original;
  }

  private async run(
    label: string,
    argv: readonly string[],
    { stdin, onLine }: RunOptions,
  ): Promise<RunResult> {
    this.commands.push(label);
    if (this.failure !== undefined) throw this.failure;
    if (argv[2] === HOST_PROBE) return said(this.facts + (await this.instanceFacts()));
    if (argv[0] === "docker") return { ...said(""), exitCode: this.userReachesDocker ? 0 : 1 };
    // Behind the program that looks at the updater first.
    const verb = argv[2] === RUN_CHECKED ? argv[6] : undefined;
    if (verb === "inspect") return said(JSON.stringify(this.state));
    if (verb === "history") return said(JSON.stringify(this.history));
    if (verb === "foresee") return said(JSON.stringify(this.foreseen ?? this.answer));
    if (verb === "foresee-room") {
      if (typeof stdin !== "string") throw new Error("a request is text");
      this.roomsAsked.push(JSON.parse(stdin) as RoomRequest);
      return said(JSON.stringify(this.room));
    }
    if (verb === "side-images")
      return said(JSON.stringify({ protocol: PROTOCOL, images: this.sideImages }));
    if (verb === "submit") {
      if (typeof stdin !== "string") throw new Error("a request is text");
      this.requests.push(JSON.parse(stdin) as JobRequest);
      const failure = this.submitFailures.shift();
      if (failure !== undefined) throw failure;
      return said(JSON.stringify(this.answer));
    }
    if (verb === "foresee-schedule" || verb === "foresee-alerts") {
      if (typeof stdin !== "string") throw new Error("a request is text");
      this.timersForeseen.push({ verb, request: JSON.parse(stdin) });
      return said(JSON.stringify(this.foreseenTimers));
    }
    if (verb === "set-schedule" || verb === "remove-schedule") {
      if (typeof stdin !== "string") throw new Error("a request is text");
      this.schedules.push(JSON.parse(stdin));
      const isSet = verb === "set-schedule";
      return said(JSON.stringify(isSet ? this.scheduleAnswer : this.removedAnswer));
    }
    if (verb === "set-alerts" || verb === "remove-alerts") {
      if (typeof stdin !== "string") throw new Error("a request is text");
      this.alerts.push(JSON.parse(stdin));
      const isSet = verb === "set-alerts";
      return said(JSON.stringify(isSet ? this.alertsAnswer : this.removedAnswer));
    }
    if (verb === "adopt") {
      if (this.adoption instanceof Error) throw this.adoption;
      return said(JSON.stringify(this.adoption));
    }
    if (verb === "follow") {
      for (const line of this.follow) onLine?.(JSON.stringify(line));
      if (this.followFailure !== undefined) throw this.followFailure;
      return said("");
    }
    throw new Error(`not expected: ${argv.join(" ")}`);
  }

  /** The updater is there already: sending it is the runner's own test. */
  private async instanceFacts(): Promise<string> {
    const updater = `${RUNNERS}/${(await updaterBundle()).sha256}/updater.mjs`;
    const lines = this.hasUpdater ? [`runner=${updater}`] : [];
    if (this.state !== undefined) lines.push("instance=yes");
    return `${lines.join("\n")}\n`;
  }
}

/** A server that is switched off. */
export function unreachable(): TransportError {
  return new TransportError(
    "chat.example.org:22 can't be reached: connection refused",
    "unreachable",
  );
}

/** One for each cause for which a server of an earlier run can't be read. */
export const OUT_OF_REACH = (
  [
    "unreachable",
    "connection-lost",
    "timeout",
    "host-key",
    "authentication",
    "sudo",
    "login-shell",
  ] as const
).map((failure) => new TransportError(`read the host's facts: ${failure}`, failure));

function said(stdout: string): RunResult {
  return { exitCode: 0, stdout, stderr: "" };
}
