/**
 * Where a broadcast, unknown or multicast frame goes on at a node with Ethernet segments, so that
 * it reaches each segment once and never comes back to the one it is from. VXLAN has no label to
 * name that segment; the address of the sending node does it (local bias, RFC 8365 8.3.1).
 */
import type { Esi, Ip } from "@heddle/inet";

export interface AttachedSegment {
  readonly esi: Esi;
  /** Whether this node is the designated forwarder; see `electForwarder`. */
  readonly isForwarder: boolean;
  readonly singleActive: boolean;
  /** Addresses of the other nodes on it. */
  readonly others: ReadonlySet<Ip>;
}

/** Where a frame comes from: a host behind a segment here (or one without), or another node. */
export type FrameSource =
  | { readonly kind: "local"; readonly esi?: Esi }
  | { readonly kind: "remote"; readonly node: Ip };

/**
 * The segments of ours that get a copy. Of a local frame: all-active ones but its own, forwarder or
 * not, because the other nodes on them leave it to us; single-active ones where we are the
 * forwarder. Of a frame from another node: those where we are the forwarder, without all-active
 * ones that this node is on as well, since it has served them.
 */
export function floodedSegments(
  source: FrameSource,
  attached: readonly AttachedSegment[],
): AttachedSegment[] {
  if (source.kind === "remote") {
    return attached.filter(
      ({ isForwarder, others, singleActive }) =>
        isForwarder && (singleActive || !others.has(source.node)),
    );
  }
  return attached.filter(
    ({ esi, isForwarder, singleActive }) => esi !== source.esi && (!singleActive || isForwarder),
  );
}
