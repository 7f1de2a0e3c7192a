/**
 * A 32-bit hash of text: FNV-1a over UTF-16 units, finished by MurmurHash3's mixer so that names
 * that differ in the last digit (node1, node2) land far apart. Stable across releases: block choice
 * and names depend on it.
 */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
