/**
 * Who is in sync. A peer that is, is served with its update group; one that is not, from the table:
 * `sync.ts` makes its messages, and here is what makes it leave one state for the other.
 */
import type { AddressFamily } from "../packet/address-family.ts";
import type { ExportGroup } from "./export-group.ts";
import type { Families, FamilyState } from "./families.ts";
import type { FamilyTable } from "./family-table.ts";
import type { RibSession } from "./peer.ts";
import type { PeerFamily, PeerState } from "./peer-state.ts";
import { dropCatchUp, endWalk, newCatchUp } from "./sync.ts";

export class PeerSync {
  readonly #families: Families;

  constructor(families: Families) {
    this.#families = families;
  }

  /** The session exchanges the family: the peer is owed its table. `longLived`: see `PeerFamily`. */
  open(
    state: PeerState,
    session: RibSession,
    family: AddressFamily,
    at: FamilyState,
    longLived: boolean,
  ): void {
    const group = at.classes.join(state.index, state.config, session);
    const { constrained } = group.cls;
    const addPathReceive = session.cx.addPathReceive?.includes(family) === true;
    if (addPathReceive) at.table.paths.enablePathIds();
    const held: PeerFamily = {
      importClass: at.classes.importClassOf(state.config, session.cx),
      group,
      addPathReceive,
      longLived,
      waiting: constrained,
      catchUp: undefined,
      endOfRibDue: true,
      holds: undefined,
    };
    state.families.set(family, held);
    const { targetSets } = this.#families;
    // What a constrained peer is owed is not the table, but what its memberships ask for. Where
    // export policy changes route targets, only a walk tells which routes that are.
    const isMarked = constrained && group.targets === undefined;
    const catchUp = newCatchUp(state, held, at.table, targetSets, isMarked);
    held.catchUp = catchUp;
    at.table.catchUps.add(catchUp);
    if (!isMarked) return;
    targetSets.forEachOf(state.index, (set) => {
      forEachOfTargetSet(at.table, group, set, (id) => catchUp.mark(id));
    });
  }

  /** The session has ended. */
  close(state: PeerState, held: PeerFamily, at: FamilyState): void {
    at.classes.leave(state.index, held.group, false);
    endWalk(state, held, at.classes);
    dropCatchUp(held, at.table);
  }

  /** From now on the peer is served by `pull`; what changes is marked for it. */
  leave(state: PeerState): void {
    if (!state.inSync) return;
    state.inSync = false;
    for (const [family, held] of state.families) {
      const { table } = this.#families.get(family);
      held.catchUp = newCatchUp(state, held, table, this.#families.targetSets, true);
      table.catchUps.add(held.catchUp);
    }
  }

  /** Nothing is left for the peer: unless something was held back, its group serves it from now. */
  enter(state: PeerState): void {
    const families = [...state.families];
    const isHeldBack = ([family, { waiting }]: [AddressFamily, PeerFamily]): boolean =>
      waiting || this.#families.get(family).table.held;
    if (families.some(isHeldBack)) return;
    for (const [family, held] of families) dropCatchUp(held, this.#families.get(family).table);
    state.inSync = true;
  }

  /** The peer has become or ceased to be interested in what has these route targets. */
  oweSet(state: PeerState, set: number): void {
    if (state.session === undefined) return;
    for (const [family, held] of state.families) {
      if (!held.group.cls.constrained) continue;
      forEachOfTargetSet(this.#families.get(family).table, held.group, set, (id) => {
        this.leave(state);
        held.catchUp?.mark(id);
      });
    }
  }

  /** The peer's configuration may put it into another update group. */
  changeGroup(
    state: PeerState,
    session: RibSession,
    held: PeerFamily,
    at: FamilyState,
    wasInSync: boolean,
  ): void {
    const former = held.group;
    const group = at.classes.join(state.index, state.config, session);
    if (group === former) return;
    held.group = group;
    const isWalking = held.holds !== undefined || !wasInSync;
    this.leave(state);
    held.catchUp?.restart();
    endWalk(state, held, at.classes);
    held.holds = isWalking ? "mixed" : former;
    at.classes.leave(state.index, former, !isWalking);
  }
}

/**
 * Calls `visit` with each key of which the group may advertise something with that set of route
 * targets.
 */
function forEachOfTargetSet(
  table: FamilyTable,
  { targets }: ExportGroup,
  set: number,
  visit: (id: number) => void,
): void {
  const { addPathOut, advertised, advertisedByTargetSet, routeKeys } = table;
  const sets = targets?.originsOf(set) ?? [set];
  if (!addPathOut.active) {
    for (const origin of sets) advertisedByTargetSet?.forEach(origin, visit);
    return;
  }
  const { targetSet } = table.rows;
  for (let id = 0; id < routeKeys.top; id += 1) {
    if (!routeKeys.has(id)) continue;
    const best = advertised[id]!;
    let has = best >= 0 && sets.includes(targetSet[best]!);
    addPathOut.forEach(id, (_pathId, row) => {
      has ||= row >= 0 && sets.includes(targetSet[row]!);
    });
    if (has) visit(id);
  }
}
