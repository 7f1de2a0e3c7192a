/**
 * Route target constraints where export policy changes route targets: what an update group sends
 * goes to whoever wants the route targets that are sent, not those that came (RFC 4684 6).
 */
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import type { RowTable } from "./rows.ts";
import type { TargetSets } from "./target-sets.ts";

/** Policy may send routes with other route targets than they have. */
export function changesRouteTargets({ terms }: Policy): boolean {
  return terms.some((term) => {
    const actions = term.verdict === "reject" ? undefined : term.actions;
    return (
      actions?.setExtendedCommunities !== undefined ||
      actions?.addExtendedCommunities !== undefined ||
      actions?.removeExtendedCommunities !== undefined
    );
  });
}

/** A set of route targets that is sent, and the one that came. */
interface Change {
  readonly sent: number;
  readonly came: number;
}

export class ExportedTargets implements Disposable {
  readonly #rows: RowTable;
  readonly #sets: TargetSets;
  /** By row, one per outcome of export policy. */
  readonly #changes: Map<number, Change[]> = new Map();
  /** By set that is sent: the sets that came, with the number of changes between the two. */
  readonly #origins: Map<number, Map<number, number>> = new Map();

  constructor(rows: RowTable, sets: TargetSets) {
    this.#rows = rows;
    this.#sets = sets;
  }

  /** The number of the set with which `row` is sent as `sent`, until `forget`. */
  setOf(row: number, { extendedCommunities }: PathAttributes): number {
    const came = this.#rows.targetSet[row]!;
    const sent = this.#sets.retain(extendedCommunities);
    if (sent === came) {
      this.#sets.release(sent);
      return came;
    }
    const changes = this.#changes.get(row);
    if (changes === undefined) this.#changes.set(row, [{ sent, came }]);
    else changes.push({ sent, came });
    const origins = this.#origins.get(sent) ?? new Map<number, number>();
    this.#origins.set(sent, origins.set(came, (origins.get(came) ?? 0) + 1));
    return sent;
  }

  /** The row's number is about to be reused. */
  forget(row: number): void {
    const changes = this.#changes.get(row);
    if (changes === undefined) return;
    this.#changes.delete(row);
    for (const change of changes) this.#undo(change);
  }

  /** Sets of rows that are sent with `set`, that set among them. */
  originsOf(set: number): readonly number[] {
    const changed = this.#origins.get(set);
    return changed === undefined ? [set] : [set, ...changed.keys()];
  }

  [Symbol.dispose](): void {
    for (const row of [...this.#changes.keys()]) this.forget(row);
  }

  #undo({ sent, came }: Change): void {
    this.#sets.release(sent);
    const origins = this.#origins.get(sent)!;
    const left = origins.get(came)! - 1;
    if (left > 0) origins.set(came, left);
    else origins.delete(came);
    if (origins.size === 0) this.#origins.delete(sent);
  }
}
