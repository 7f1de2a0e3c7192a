/** What changes in a table: for the peers, at a flush, and for those who follow it, at once. */

/** Those who follow a table; called in the middle of a change, so they only take notes. */
export interface TableFeeds {
  /** A path of the peer came, changed or, `isGone`, went. */
  pathChanged(id: number, peer: number, pathId: number, isGone: boolean): void;
  bestChanged(id: number, isGone: boolean): void;
  /** The key is needed although it has no route any more. */
  holds(id: number): boolean;
  /** Selection is no longer put off. */
  released(): void;
}

/**
 * A step of one identifier of one key (RFC 7911); row -1 stands for nothing. Ranks count from 0.
 */
export interface AddPathChange {
  readonly id: number;
  readonly pathId: number;
  readonly oldRow: number;
  readonly oldPayload: number;
  readonly oldRank: number;
  readonly newRow: number;
  readonly newPayload: number;
  readonly newRank: number;
  /** Path of the table; -1 with `newRow`. */
  readonly path: number;
}

/** What `FamilyTable.takeDirty` gives out; borrowed until `commit`. */
export interface DirtyKeys {
  /** Keys whose best path is not what is advertised. */
  readonly changed: Int32Array;
  /** What changed for peers with add-path. */
  readonly addPath: readonly AddPathChange[];
  /** All keys taken. */
  readonly all: Int32Array;
}
