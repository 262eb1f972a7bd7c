import type { SampleRepository } from "../demo/repository/index.ts";
import type { DemoServer } from "../demo/server/index.ts";
import { clean, operatorOf } from "../test/server/support/fixture.ts";
import type { Operator } from "../test/server/support/operator.ts";
import { ThePage } from "./the-page.ts";

/** The server, and the two ways of deploying to it that are compared. Each is made when first asked for. */
export class Bench {
  private operator: Promise<Operator> | undefined;
  private page: Promise<ThePage> | undefined;
  private release: string | undefined;

  constructor(
    readonly server: DemoServer,
    readonly repository: SampleRepository,
    readonly report: (line: string) => void,
  ) {}

  /** Ours, with a release that serves. */
  async ours(release: string): Promise<Operator> {
    this.operator ??= operatorOf(this.server);
    const operator = await this.operator;
    if (this.release !== release) await this.update(operator, release);
    return operator;
  }

  /** Brings another release by `pulumi up`; a failure ends the bench. */
  async update(operator: Operator, release: string, ...options: string[]): Promise<void> {
    await operator.configure({ release });
    await this.up(operator, ...options);
    this.release = release;
  }

  async up(operator: Operator, ...options: string[]): Promise<void> {
    await operator.must("up", "--yes", "--non-interactive", ...options);
  }

  /** Goes back to a release that served, by the command; a failure ends the bench. */
  async rollback(release: string): Promise<void> {
    const operator = await this.operator;
    if (operator === undefined) throw new Error("nothing was deployed that could go back");
    const { exitCode, output } = await operator.chatalot("rollback", "--to", release, "--yes");
    if (exitCode !== 0) throw new Error(`the rollback to ${release} failed: ${output}`);
    this.release = release;
  }

  /** The page's way as it is now, whatever serves. */
  thePageNow(): Promise<ThePage> {
    this.page ??= ThePage.prepare(this.server, this.repository);
    return this.page;
  }

  /** The page's way, with a release that serves. */
  async thePage(release: string): Promise<ThePage> {
    const page = await this.thePageNow();
    if (page.release !== release) await page.pullAndBuild(release);
    return page;
  }

  /** Takes everything from the server that was deployed in either way, with the data. */
  async beginAnew(): Promise<void> {
    await this.end();
    await clean(this.server);
    this.operator = undefined;
    this.page = undefined;
    this.release = undefined;
  }

  async end(): Promise<void> {
    await (await this.operator)?.leave();
  }
}
