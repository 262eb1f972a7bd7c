/** The middle of the sorted samples; of an even number, the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new Error("there is no median of nothing");
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? 0;
  return (lower + upper) / 2;
}

/** Samples shorter than this apart are no outage: a busy machine answers late by as much. */
const NOTICEABLE = 100;

/**
 * How long a server was away, in milliseconds: all times between two answers in a row that are
 * longer than 100 ms, together.
 *
 * @param answeredAt when each answer came, in milliseconds; in any order
 */
export function timeAway(answeredAt: readonly number[]): number {
  const sorted = answeredAt.toSorted((a, b) => a - b);
  let away = 0;
  for (const [index, at] of sorted.entries()) {
    const gap = at - (sorted[index - 1] ?? at);
    if (gap > NOTICEABLE) away += gap;
  }
  return away;
}
