/** Messages of the BGP Monitoring Protocol (RFC 7854) as values. */
import type { Ip, Ip4 } from "@heddle/inet";

/** The per-peer header (RFC 7854 4.2). */
export interface BmpPeer {
  /** See `bmpPeerTypes`. */
  readonly type: number;
  /** Route distinguisher of an RD instance, else 0; uint64. */
  readonly distinguisher: bigint;
  /** 0 of the Loc-RIB. */
  readonly address: Ip;
  readonly asn: number;
  /** BGP Identifier. */
  readonly routerId: Ip4;
  /** L flag: after import policy. */
  readonly postPolicy: boolean;
  /** A flag: AS paths are in the format of two octets. */
  readonly twoOctetAs: boolean;
  /** O flag (RFC 8671). */
  readonly adjRibOut: boolean;
  /** F flag (RFC 9069): the Loc-RIB is not told completely. */
  readonly filtered: boolean;
  /** When what the message says came to be, since the Unix epoch; 0 when it is not known. */
  readonly atUs: bigint;
}

export interface BmpTlv {
  /** uint16. */
  readonly type: number;
  readonly value: Uint8Array;
}

/** A statistic of a peer (RFC 7854 4.8). */
export interface BmpStatistic {
  readonly type: number;
  /** uint32 or uint64, as its type says. */
  readonly value: bigint;
  /** Codepoints of the family that it is about. */
  readonly family?: { readonly afi: number; readonly safi: number };
}

export type BmpMessage =
  | {
      readonly kind: "route-monitoring";
      readonly peer: BmpPeer;
      /** A whole BGP UPDATE. */
      readonly update: Uint8Array;
    }
  | {
      readonly kind: "statistics-report";
      readonly peer: BmpPeer;
      readonly statistics: readonly BmpStatistic[];
    }
  | {
      readonly kind: "peer-down";
      readonly peer: BmpPeer;
      /** See `bmpPeerDownReasons`. */
      readonly reason: number;
      /**
       * A whole NOTIFICATION for reasons 1 and 3, the FSM event in two octets for reason 2, else
       * empty.
       */
      readonly data: Uint8Array;
      /** For reason 6, else empty. */
      readonly information: readonly BmpTlv[];
    }
  | {
      readonly kind: "peer-up";
      readonly peer: BmpPeer;
      readonly localAddress: Ip;
      readonly localPort: number;
      readonly remotePort: number;
      /** Whole BGP OPENs. */
      readonly sentOpen: Uint8Array;
      readonly receivedOpen: Uint8Array;
      readonly information: readonly BmpTlv[];
    }
  | { readonly kind: "initiation"; readonly information: readonly BmpTlv[] }
  | { readonly kind: "termination"; readonly information: readonly BmpTlv[] }
  | { readonly kind: "route-mirroring"; readonly peer: BmpPeer; readonly tlvs: readonly BmpTlv[] };
