import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { expect } from "chai";
import {
  openTransport,
  serverAddressSchema,
  type RunResult,
  type ServerAddress,
  type Transport,
} from "../../transport/index.ts";
import { endSleepers, ownDuration, untilRuns } from "./durations.ts";
import { kill, processesWith, startServer, waitUntil, type TestServer } from "./sshd.ts";

/** For commands; generous, since only a hang should meet it. In milliseconds. */
export const timeout = 120_000;

/** A key that no server has. */
export const OTHER_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/** What a test of the connection works with: a server of its own, and nothing left of it after. */
export class Workbench {
  server!: TestServer;
  /** How long the test's command sleeps, in seconds, which tells it from those of other tests. */
  duration = "";
  /** Other programs make files in the system's directory, so that the test has one of its own. */
  temporary = "";
  readonly #formerTemporary = process.env.TMPDIR;
  readonly #opened: Transport[] = [];

  /** Prepares it before each test of a suite, and checks after each that nothing was left behind. */
  static forEachTest(): Workbench {
    const workbench = new Workbench();
    beforeEach(async function () {
      this.timeout(300_000);
      workbench.temporary = mkdtempSync("/tmp/test-");
      process.env.TMPDIR = workbench.temporary;
      workbench.duration = ownDuration();
      await workbench.restart();
    });
    afterEach(() => workbench.#clear());
    return workbench;
  }

  /** Another server in the place of the first one, with these lines in its settings. */
  async restart(settings: readonly string[] = []): Promise<void> {
    await (this.server as TestServer | undefined)?.stop();
    this.server = await startServer(settings);
  }

  /** A transport to the server, with other fields in its address. */
  open(fields: Partial<ServerAddress> = {}, without: (keyof ServerAddress)[] = []): Transport {
    const entries = Object.entries({ ...this.server.address, ...fields });
    const kept = entries.filter(([name]) => !without.includes(name as keyof ServerAddress));
    const transport = openTransport(serverAddressSchema.parse(Object.fromEntries(kept)));
    this.#opened.push(transport);
    return transport;
  }

  reach(transport: Transport): Promise<RunResult> {
    return transport.run("reach", ["true"], { timeout });
  }

  wait(transport: Transport): Promise<RunResult> {
    return transport.run("wait", ["sleep", this.duration], { timeout });
  }

  /** The test's command has been started on the server. */
  async untilCommandRuns(): Promise<void> {
    await untilRuns(`sleep ${this.duration}`);
  }

  /** The ssh that holds the connection, and the shell that looks after it. */
  connectionProcesses(): Promise<number[]> {
    return processesWith(`-p ${this.server.port} `);
  }

  /** What connections have put on the disk. */
  connectionFiles(): string[] {
    return readdirSync(this.temporary).filter((name) => name.startsWith("chatalot-"));
  }

  async signalSessions(signal: NodeJS.Signals): Promise<void> {
    for (const pid of await this.server.sessionProcesses()) kill(pid, signal);
  }

  async #clear(): Promise<void> {
    if (this.#formerTemporary === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = this.#formerTemporary;
    await Promise.all(this.#opened.splice(0).map((transport) => transport.close()));
    await this.server.stop();
    await endSleepers();
    // One that was killed takes a moment to go.
    await waitUntil("no ssh is left behind", async () => {
      return (await this.connectionProcesses()).length === 0;
    });
    expect(this.connectionFiles(), "files were left behind").to.deep.equal([]);
    rmSync(this.temporary, { recursive: true });
  }
}
