/** As many at the same time as there are slots; the others wait in turn. */
export class Slots {
  taken = 0;
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Resolves to the release of a slot, or to undefined when there was none in time.
   *
   * @param patience how long to wait, in milliseconds
   * @throws the signal's reason when it aborts
   */
  async take(signal: AbortSignal, patience: number): Promise<(() => void) | undefined> {
    const deadline = Date.now() + patience;
    while (this.taken >= this.#most) {
      signal.throwIfAborted();
      if (!(await this.#turn(signal, deadline - Date.now()))) return undefined;
    }
    this.taken++;
    return () => {
      this.taken--;
      this.#waiting.shift()?.();
    };
  }

  /** False when it took too long. */
  #turn(signal: AbortSignal, patience: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const settle = (action: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        const place = this.#waiting.indexOf(go);
        if (place >= 0) this.#waiting.splice(place, 1);
        action();
      };
      const go = (): void => settle(() => resolve(true));
      const abort = (): void => settle(() => reject(signal.reason as Error));
      const timer = setTimeout(() => settle(() => resolve(false)), Math.max(0, patience));
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(go);
    });
  }
}
