/**
 * The decision process among the paths of one key that a comparison of scores has left: the rules
 * of `selectBest`, over the columns of the table. With equal routes from several peers every
 * announcement comes here, and making a candidate object of each path was a fifth of its time.
 */
import { compareIp, type Ip } from "@heddle/inet";
import { ineligibleScore, longLivedScore, preferenceOf } from "./decision.ts";
import type { PathColumns } from "./paths.ts";
import type { RowTable } from "./rows.ts";

/** MED is compared pair by pair, which more paths than this would make slow. */
const pathCountMax = 32;

export class Ties {
  readonly #paths: PathColumns;
  readonly #rows: RowTable;
  readonly #left: Int32Array = new Int32Array(pathCountMax);
  #count = 0;

  constructor(paths: PathColumns, rows: RowTable) {
    this.#paths = paths;
    this.#rows = rows;
  }

  /**
   * The best path of the list at `head`, of which one is eligible at least; -1 when there are too
   * many, or a MAC address is in several places. `byMobility`: the key is about a MAC address (RFC
   * 7432 15).
   */
  select(head: number, byMobility: boolean): number {
    if (byMobility && this.#isContested(head)) return -1;
    const mobility = byMobility ? this.#highestMobility(head) : -1;
    const aigp = this.#rows.aigp.size > 0 ? this.#lowestAigp(head, mobility) : undefined;
    if (!this.#collect(head, mobility, aigp)) return -1;
    const { med } = this.#rows;
    const first = this.#rowAt(0);
    let sameMed = true;
    for (let i = 1; i < this.#count; i += 1) sameMed &&= med[this.#rowAt(i)] === med[first];
    let best = -1;
    for (let i = 0; i < this.#count; i += 1) {
      if (!sameMed && this.#losesByMed(i)) continue;
      const path = this.#left[i]!;
      if (best < 0 || this.#isPreferred(path, best)) best = path;
    }
    return best;
  }

  #rowAt(index: number): number {
    return this.#paths.row[this.#left[index]!]!;
  }

  /** Not all eligible paths lead to the same next hop, or one of them is a last resort. */
  #isContested(head: number): boolean {
    const { next, row } = this.#paths;
    const { score } = this.#rows;
    let nextHop: Ip | undefined;
    for (let path = head; path >= 0; path = next[path]!) {
      const at = row[path]!;
      if (score[at] === ineligibleScore) continue;
      if (score[at]! >= longLivedScore) return true;
      const own = this.#rows.outcomeOf(at).attributes.nextHop;
      nextHop ??= own;
      if (own !== nextHop) return true;
    }
    return false;
  }

  #highestMobility(head: number): number {
    const { next, row } = this.#paths;
    const { mobility, score } = this.#rows;
    let highest = 0;
    for (let path = head; path >= 0; path = next[path]!) {
      const at = row[path]!;
      if (score[at] !== ineligibleScore && mobility[at]! > highest) highest = mobility[at]!;
    }
    return highest;
  }

  /** Of the paths of the highest preference; undefined when none of them has AIGP. */
  #lowestAigp(head: number, mobility: number): bigint | undefined {
    const { next, row } = this.#paths;
    const { aigp, mobility: mobilities, score } = this.#rows;
    let preference = ineligibleScore;
    let lowest: bigint | undefined;
    for (let path = head; path >= 0; path = next[path]!) {
      const at = row[path]!;
      const own = preferenceOf(score[at]!);
      if (own === ineligibleScore || own > preference) continue;
      if (mobility >= 0 && mobilities[at] !== mobility) continue;
      if (own < preference) lowest = undefined;
      preference = own;
      const metric = aigp.get(at);
      if (metric !== undefined && (lowest === undefined || metric < lowest)) lowest = metric;
    }
    return lowest;
  }

  /**
   * The paths with the lowest score, of those with that mobility where it is not negative, and with
   * that AIGP where there is one.
   */
  #collect(head: number, mobility: number, aigp: bigint | undefined): boolean {
    const { next, row } = this.#paths;
    const { aigp: metrics, mobility: mobilities, score } = this.#rows;
    let lowest = ineligibleScore;
    this.#count = 0;
    for (let path = head; path >= 0; path = next[path]!) {
      const at = row[path]!;
      const s = score[at]!;
      if (s === ineligibleScore || s > lowest) continue;
      if (mobility >= 0 && mobilities[at] !== mobility) continue;
      if (aigp !== undefined && metrics.get(at) !== aigp) continue;
      if (s < lowest) this.#count = 0;
      lowest = s;
      if (this.#count === pathCountMax) return false;
      this.#left[this.#count++] = path;
    }
    return true;
  }

  /** There is a path of the same neighbouring AS with a lower MED. */
  #losesByMed(index: number): boolean {
    const { med, neighborAsn } = this.#rows;
    const row = this.#rowAt(index);
    for (let i = 0; i < this.#count; i += 1) {
      const other = this.#rowAt(i);
      if (neighborAsn[other] === neighborAsn[row] && med[other]! < med[row]!) return true;
    }
    return false;
  }

  #isPreferred(path: number, best: number): boolean {
    const { row } = this.#paths;
    const rows = this.#rows;
    const a = row[path]!;
    const b = row[best]!;
    const isExternal = rows.isExternal(a);
    if (isExternal !== rows.isExternal(b)) return isExternal;
    const difference =
      rows.identifier[a]! - rows.identifier[b]! ||
      rows.clusterListLength[a]! - rows.clusterListLength[b]! ||
      compareIp(rows.peerAddressOf(a), rows.peerAddressOf(b)) ||
      this.#paths.pathIdOf(path) - this.#paths.pathIdOf(best);
    return difference < 0;
  }
}
