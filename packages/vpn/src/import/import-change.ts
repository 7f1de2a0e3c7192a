/** What an `ImportTable` tells the data plane, and the tables that it comes from. */
import type { Esi, Ip, Mac, Prefix } from "@heddle/inet";
import type { SegmentMember } from "../election.ts";
import type { MacHop, RouteHop, TunnelHop } from "../hop.ts";
import type { RemoteMac } from "../mac-mobility.ts";

export interface VrfRoute {
  readonly prefix: Prefix;
  /** At least one; traffic is shared among them. The best path's come first. */
  readonly hops: readonly RouteHop[];
  /** Of the best path. */
  readonly source: "mac-ip" | "ip-prefix" | "vpn";
  readonly tag: number | undefined;
}

/** What the others say of a MAC address; as it is, the remote side of `stepMobility`. */
export interface MacEntry extends RemoteMac {
  readonly mac: Mac;
  /** At least one; several for an all-active segment, by end point. */
  readonly hops: readonly MacHop[];
  /** RFC 7432 10.1: of another default gateway, whose frames this node may take as its own. */
  readonly defaultGateway: boolean;
  readonly tag: number | undefined;
}

export interface NeighborEntry {
  readonly ip: Ip;
  readonly mac: Mac;
  /** RFC 7432 10.1: the address of a default gateway. */
  readonly defaultGateway: boolean;
  readonly tag: number | undefined;
}

/** One result with its current state; without a value there is none any more. */
export type ImportChange =
  | {
      readonly kind: "route";
      readonly vrf: string;
      readonly prefix: Prefix;
      readonly value: VrfRoute | undefined;
    }
  | {
      readonly kind: "mac";
      readonly vrf: string;
      readonly subnet: string;
      readonly mac: Mac;
      readonly value: MacEntry | undefined;
    }
  | {
      readonly kind: "neighbor";
      readonly vrf: string;
      readonly subnet: string;
      readonly ip: Ip;
      readonly value: NeighborEntry | undefined;
    }
  | {
      readonly kind: "flood";
      readonly vrf: string;
      readonly subnet: string;
      readonly value: readonly TunnelHop[] | undefined;
    }
  /** The other nodes on a segment of ours, by address. */
  | {
      readonly kind: "segment";
      readonly esi: Esi;
      readonly value: readonly SegmentMember[] | undefined;
    };

export type Emit = (change: ImportChange) => void;

/** A table with results that are to be worked out anew. */
export interface ChangeSource {
  readonly isMarked: boolean;
  /** Works out up to `limit` results, emits the changed ones, and returns how many they were. */
  take(limit: number, emit: Emit): number;
}

/** Told of a table when it gets something to work out. */
export type OnMarked = (table: ChangeSource) => void;
