/** A number of requests at once, then so many a second, for each address. */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {}

  /** Whether one more request of this address is within the limit; counts it if so. */
  admits(address: string): boolean {
    const now = Date.now();
    const bucket = this.#buckets.get(address) ?? { tokens: this.burst, at: now };
    const tokens = Math.min(
      this.burst,
      bucket.tokens + ((now - bucket.at) / 1_000) * this.perSecond,
    );
    const admitted = tokens >= 1;
    this.#buckets.set(address, { tokens: admitted ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > 10_000) this.#forgetTheFull(now);
    return admitted;
  }

  #forgetTheFull(now: number): void {
    for (const [address, bucket] of this.#buckets) {
      if (now - bucket.at > (this.burst / this.perSecond) * 1_000) this.#buckets.delete(address);
    }
  }
}
