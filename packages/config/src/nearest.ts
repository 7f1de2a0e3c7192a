/** Which of several names somebody meant. */

/** The name that is at most two typing errors, and a third of its length, away; the nearest. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const each of known) {
    const distance = distanceOf(name.toLowerCase(), each.toLowerCase());
    if (distance < least && distance * 3 <= each.length) [best, least] = [each, distance];
  }
  return best;
}

/** Letters left out, added, replaced, or swapped with the next (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  // A name that is much longer is none of ours, and may be of any length.
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const shifted = Math.min(row[j]!, next[j - 1]!) + 1;
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? before[j - 2]! + 1 : replaced;
      next.push(Math.min(replaced, shifted, swapped));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
