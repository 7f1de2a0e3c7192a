/**
 * Import classes and update groups of the peers, interned by what they contain: peers that are
 * configured alike share one, whether or not their configuration objects are the same.
 */
import type { Asn, Ip4 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { CodecContext } from "../packet/context.ts";
import { CompiledPolicy } from "../policy/evaluate.ts";
import type { Policy } from "../policy/policy.ts";
import { acceptAll, rejectAll } from "../policy/presets.ts";
import type { RibConfig } from "./config.ts";
import { type ExportClass, ExportGroup, type RouteOrigin } from "./export.ts";
import type { FamilyTable } from "./family-table.ts";
import type { ImportClass } from "./import.ts";
import type { PeerIndex, PeerType, RibPeer, RibSession } from "./peer.ts";
import { UpdateBatch } from "./update-batch.ts";

interface GroupEntry {
  readonly group: ExportGroup;
  readonly batch: UpdateBatch;
}

/** The classes of one family. */
export class FamilyClasses {
  readonly #config: RibConfig;
  readonly #table: FamilyTable;
  readonly #originOf: (peer: PeerIndex) => RouteOrigin;
  readonly #importClasses: Map<string, ImportClass> = new Map();
  readonly #groups: Map<string, GroupEntry> = new Map();

  constructor(config: RibConfig, table: FamilyTable, originOf: (peer: PeerIndex) => RouteOrigin) {
    this.#config = config;
    this.#table = table;
    this.#originOf = originOf;
  }

  importClassOf(peer: RibPeer, cx: CodecContext): ImportClass {
    const policy = peer.importPolicy ?? this.#defaultPolicy(peer);
    const key = keyOf([cx, policy]);
    const known = this.#importClasses.get(key);
    if (known !== undefined) return known;
    const cls: ImportClass = {
      local: false,
      cx,
      policy: compile(policy, this.#table.family),
      localAsn: this.#config.localAsn,
      routerId: this.#config.routerId,
      clusterId: clusterIdOf(this.#config),
    };
    this.#importClasses.set(key, cls);
    return cls;
  }

  /** Forgets the import classes that no peer uses. */
  prune(used: ReadonlySet<ImportClass>): void {
    for (const [key, cls] of this.#importClasses) {
      if (!used.has(cls)) this.#importClasses.delete(key);
    }
  }

  /** The group of a peer, which joins it. */
  join(index: PeerIndex, peer: RibPeer, session: RibSession): ExportGroup {
    const policy = peer.exportPolicy ?? this.#defaultPolicy(peer);
    const { family } = this.#table;
    const plain = {
      family,
      to: peerTypeOf(peer, this.#config.localAsn),
      nextHop: family === "ipv4-unicast" ? peer.nextHop4 : peer.nextHop6,
      nextHopSelf: peer.nextHopSelf,
      fourOctetAs: session.cx.fourOctetAs,
      messageLengthMax: session.messageLengthMax,
    };
    const key = keyOf([plain, policy]);
    const { group } = this.#groups.get(key) ?? this.#addGroup(key, plain, policy);
    group.members.add(index);
    return group;
  }

  /** The peer is sent nothing of the group any more; `holding` while it may hold routes of it. */
  leave(index: PeerIndex, group: ExportGroup, holding: boolean): void {
    group.members.delete(index);
    if (holding) group.leaving.add(index);
    this.#dropIfEmpty(group);
  }

  /** A peer that left the group holds none of its routes any more. */
  released(index: PeerIndex, group: ExportGroup): void {
    group.leaving.delete(index);
    this.#dropIfEmpty(group);
  }

  groups(): IterableIterator<GroupEntry> {
    return this.#groups.values();
  }

  batchOf(group: ExportGroup): UpdateBatch {
    return this.#groups.get(group.key)!.batch;
  }

  /** A row's number is about to be reused. */
  forgetRow(row: number): void {
    for (const { group } of this.#groups.values()) group.forget(row);
  }

  #dropIfEmpty(group: ExportGroup): void {
    if (group.members.size === 0 && group.leaving.size === 0) this.#groups.delete(group.key);
  }

  #addGroup(
    key: string,
    plain: Omit<ExportClass, "policy" | "localAsn" | "clusterId">,
    policy: Policy,
  ): GroupEntry {
    const cls: ExportClass = {
      ...plain,
      policy: compile(policy, this.#table.family),
      localAsn: this.#config.localAsn,
      clusterId: clusterIdOf(this.#config),
    };
    const group = new ExportGroup(key, cls, this.#table, this.#originOf);
    const entry = { group, batch: new UpdateBatch(this.#table, group) };
    this.#groups.set(key, entry);
    return entry;
  }

  /** RFC 8212: an external session without a policy exchanges nothing. */
  #defaultPolicy(peer: RibPeer): Policy {
    return peer.asn === this.#config.localAsn ? acceptAll : rejectAll;
  }
}

export function localImportClass(config: RibConfig, family: AddressFamily): ImportClass {
  return {
    local: true,
    cx: { fourOctetAs: true, external: false, families: [family] },
    policy: compile(acceptAll, family),
    localAsn: config.localAsn,
    routerId: config.routerId,
    clusterId: clusterIdOf(config),
  };
}

export function peerTypeOf(peer: RibPeer, localAsn: Asn): Exclude<PeerType, "local"> {
  if (peer.asn !== localAsn) return "external";
  return peer.reflectorClient ? "client" : "internal";
}

function clusterIdOf(config: RibConfig): Ip4 {
  return config.clusterId ?? config.routerId;
}

function compile(policy: Policy, family: AddressFamily): CompiledPolicy {
  return new CompiledPolicy(policy, family === "ipv4-unicast" ? 4 : 6);
}

/** True when both read the same bytes as the same attributes. */
export function sameContext(a: CodecContext, b: CodecContext): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => (typeof v === "bigint" ? `${v}n` : v));
}
