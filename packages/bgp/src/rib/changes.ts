/** What a flush has to tell peers: keys and what of them changed. */

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
