/** The candidate that was probably meant, if one is close enough to be worth a question. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(Math.min(word.length, 60) / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best ?? [...candidates].find((candidate) => begins(word, candidate));
}

/** `hostname` was meant to be `host`, although half of it is too much. */
function begins(word: string, candidate: string): boolean {
  const [shorter = "", longer = ""] = [word, candidate].sort((a, b) => a.length - b.length);
  return shorter.length >= 3 && longer.toLowerCase().startsWith(shorter.toLowerCase());
}

/** How many letters must be put in, left out or replaced (Levenshtein). */
function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1);
      const leftOut = (previous[column] ?? 0) + 1;
      const putIn = (current[column - 1] ?? 0) + 1;
      current.push(Math.min(replaced, leftOut, putIn));
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}
