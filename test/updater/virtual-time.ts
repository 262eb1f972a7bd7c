/** Far beyond every limit that a test sets. */
const ENDLESS = 24 * 3_600_000;

/** A clock that stands still but for pauses, so that a test waits for nothing. */
export interface VirtualTime {
  /** Milliseconds since the test began. */
  readonly elapsed: number;
  /** What a slow driver does. */
  pass(milliseconds: number): void;
  /** Aborted when something has waited for a day: a loop that would never end. */
  readonly signal: AbortSignal;
}

/** Replaces `performance.now`, `Date.now` and `setTimeout` during each test of the suite. */
export function useVirtualTime(): VirtualTime {
  const { setTimeout: realTimeout } = globalThis;
  const realDate = Date.now;
  let elapsed = 0;
  let controller = new AbortController();

  function pass(milliseconds: number): void {
    elapsed += milliseconds;
    if (elapsed > ENDLESS) controller.abort(new Error("it would have waited for ever"));
  }
  beforeEach(() => {
    elapsed = 0;
    controller = new AbortController();
    Object.defineProperty(performance, "now", { value: () => elapsed, configurable: true });
    Date.now = () => 1_700_000_000_000 + elapsed;
    globalThis.setTimeout = ((callback: () => void, delay = 0) => {
      pass(delay);
      return setImmediate(callback);
    }) as unknown as typeof setTimeout;
  });
  afterEach(() => {
    globalThis.setTimeout = realTimeout;
    Date.now = realDate;
    Reflect.deleteProperty(performance, "now");
  });
  return {
    get elapsed() {
      return elapsed;
    },
    pass,
    get signal() {
      return controller.signal;
    },
  };
}
