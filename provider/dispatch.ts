import { messageOf } from "../common/errors.ts";
import { sealedAs, sendable, unwrap, type Wire } from "./codec.ts";
import { watch } from "./alerts.ts";
import { backupSchedule } from "./backup-schedule.ts";
import { deployment } from "./deployment.ts";
import { logLine } from "./engine/log.ts";
import { shown, shownValue } from "../common/engine-markup.ts";
import { typeToken } from "./engine/urn.ts";
import type {
  CheckResult,
  CreateResult,
  DiffResult,
  Provider,
  ReadResult,
  UpdateResult,
} from "./engine/service.ts";
import { health } from "./health.ts";
import { host } from "./host.ts";
import { release } from "./release.ts";
import type { Resource, ResourceContext } from "./resource.ts";
import { RemoteServer, type ServerPlace } from "./server/remote-server.ts";

const RESOURCES = new Map<string, Resource>([
  ["chatalot:index:Host", host],
  ["chatalot:index:Release", release],
  ["chatalot:index:Deployment", deployment],
  ["chatalot:index:Health", health],
  ["chatalot:index:BackupSchedule", backupSchedule],
  ["chatalot:index:Watch", watch],
]);

/** Finds the resource of a URN and translates its values. Nothing else happens here. */
export class ChatalotProvider implements Provider {
  readonly version = "0.1.0";
  private readonly interruption = new AbortController();
  /** By URN, what a check leaves to the diff that follows it. */
  private readonly announcements = new Map<string, (outputs: Wire) => void>();

  configuration({ place, readsEarly }: Wire): string {
    return JSON.stringify([place, readsEarly]);
  }

  /**
   * Begins to read the server while the other plugins start. A failure is told by the resource that wants
   * to know.
   */
  configure({ place, readsEarly }: Wire): void {
    if (typeof place !== "string" || String(readsEarly) !== "true") return;
    const server = RemoteServer.at(JSON.parse(place) as ServerPlace);
    server.facts().catch(() => undefined);
  }

  async check(urn: string, olds: Wire, news: Wire): Promise<CheckResult> {
    const { additions, refusals, announce } = await explained(() =>
      resourceOf(urn).check(this.context(urn), unwrap(olds) as Wire, unwrap(news) as Wire),
    );
    if (announce !== undefined) this.announcements.set(urn, announce);
    // The envelopes stay around the program's own inputs, so that they stay secret.
    return {
      inputs: { ...news, ...(shownValue(sendable(additions)) as Wire) },
      failures: refusals.map((reason) => ({ property: "", reason: shown(reason) })),
    };
  }

  async diff(_id: string, urn: string, olds: Wire, news: Wire): Promise<DiffResult> {
    const outputs = unwrap(olds) as Wire;
    const changes = resourceOf(urn).diff(outputs, unwrap(news) as Wire);
    // A diff without a check, as a refresh makes it, has nothing to say.
    this.announcements.get(urn)?.(outputs);
    this.announcements.delete(urn);
    return { changes };
  }

  async create(urn: string, inputs: Wire): Promise<CreateResult> {
    const { id, outputs } = await explained(() =>
      resourceOf(urn).create(this.context(urn), unwrap(inputs) as Wire),
    );
    return { id, outs: sealedAs(inputs, sendable(outputs)) };
  }

  async read(id: string, urn: string, props: Wire = {}): Promise<ReadResult> {
    const outputs = await explained(() =>
      resourceOf(urn).read(this.context(urn), unwrap(props) as Wire),
    );
    return outputs === undefined ? {} : { id, props: sealedAs(props, sendable(outputs)) };
  }

  async update(_id: string, urn: string, olds: Wire, news: Wire): Promise<UpdateResult> {
    const outputs = await explained(() =>
      resourceOf(urn).update(this.context(urn), unwrap(olds) as Wire, unwrap(news) as Wire),
    );
    return { outs: sealedAs(news, sendable(outputs)) };
  }

  async delete(_id: string, urn: string, props: Wire): Promise<void> {
    await explained(() => resourceOf(urn).delete(this.context(urn), unwrap(props) as Wire));
  }

  /** Called on the operator's interrupt, and at every normal end as well. */
  async cancel(): Promise<void> {
    this.interruption.abort();
    await RemoteServer.closeAll();
  }

  private context(urn: string): ResourceContext {
    return {
      urn,
      tell: (text) => logLine(urn, text),
      warn: (text) => logLine(urn, text, { severity: "warning" }),
      status: (text) => logLine(urn, text, { isStatus: true }),
      signal: this.interruption.signal,
    };
  }
}

function resourceOf(urn: string): Resource {
  const type = typeToken(urn);
  const found = RESOURCES.get(type);
  if (found === undefined) throw new Error(`unknown resource type ${type}`);
  return found;
}

/** The engine shows a thrown error's message only; an error that is no Error would show nothing. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const found = error instanceof Error ? error : new Error(messageOf(error));
    found.message = shown(found.message);
    throw found;
  }
}
