/**
 * Import classes and update groups of the peers, interned by what they contain: peers that are
 * configured alike share one, whether or not their configuration objects are the same.
 */
import type { Asn, Ip, Ip4 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { CodecContext } from "../packet/context.ts";
import { CompiledPolicy } from "../policy/evaluate.ts";
import type { Policy } from "../policy/policy.ts";
import { acceptAll, rejectAll } from "../policy/presets.ts";
import { addPathSendLimit } from "./add-path-out.ts";
import type { RibConfig } from "./config.ts";
import type { ExportClass, RouteOrigin } from "./export.ts";
import { ExportGroup } from "./export-group.ts";
import { changesRouteTargets, ExportedTargets } from "./exported-targets.ts";
import type { FamilyTable } from "./family-table.ts";
import type { ImportClass } from "./import.ts";
import { hasOnlyToCustomer } from "./only-to-customer.ts";
import type { PeerIndex, PeerType, RibPeer, RibSession } from "./peer.ts";
import type { TargetSets } from "./target-sets.ts";
import { UpdateBatch } from "./update-batch.ts";

interface GroupEntry {
  readonly group: ExportGroup;
  readonly batch: UpdateBatch;
}

/** RFC 7911 has no default; enough for what equal paths are good for. */
const addPathSendDefault = 8;

/** RFC 7311 3.4.3: AIGP of a route that gets another next hop grows, whatever the distance is. */
const aigpMetricDefault = 1;

/** The classes of one family. */
export class FamilyClasses {
  readonly #config: RibConfig;
  readonly #table: FamilyTable;
  readonly #targetSets: TargetSets;
  readonly #originOf: (peer: PeerIndex) => Omit<RouteOrigin, "longLived">;
  readonly #importClasses: Map<string, ImportClass> = new Map();
  readonly #groups: Map<string, GroupEntry> = new Map();

  constructor(
    config: RibConfig,
    table: FamilyTable,
    targetSets: TargetSets,
    originOf: (peer: PeerIndex) => Omit<RouteOrigin, "longLived">,
  ) {
    this.#config = config;
    this.#table = table;
    this.#targetSets = targetSets;
    this.#originOf = originOf;
  }

  importClassOf(peer: RibPeer, cx: CodecContext): ImportClass {
    const { family } = this.#table;
    const policy = peer.importPolicy ?? this.#defaultPolicy(peer);
    const { role } = peer;
    const demoted =
      family === "route-target" && peerTypeOf(peer, this.#config.localAsn) === "internal";
    const onlyToCustomer =
      role === undefined || !hasOnlyToCustomer(family) ? undefined : { role, peerAsn: peer.asn };
    const key = keyOf([cx, textOf(policy), demoted, onlyToCustomer]);
    const known = this.#importClasses.get(key);
    if (known !== undefined) return known;
    const cls: ImportClass = {
      local: false,
      family,
      cx,
      policy: new CompiledPolicy(policy, family),
      ownAsns: ownAsnsOf(this.#config),
      routerId: this.#config.routerId,
      clusterId: clusterIdOf(this.#config),
      onlyToCustomer,
      demoted,
      equalizesStale: this.#config.longLivedPartial === true,
    };
    this.#importClasses.set(key, cls);
    return cls;
  }

  /**
   * Forgets the import classes that no peer uses, and the paths that add-path peers were sent when
   * there were some that took more.
   */
  prune(used: ReadonlySet<ImportClass>): void {
    this.#table.setAddPathCount(this.#addPathCount());
    for (const [key, cls] of this.#importClasses) {
      if (!used.has(cls)) this.#importClasses.delete(key);
    }
  }

  /** The group of a peer, which joins it. */
  join(index: PeerIndex, peer: RibPeer, session: RibSession): ExportGroup {
    const policy = peer.exportPolicy ?? this.#defaultPolicy(peer);
    const plain = this.#plainClassOf(peer, session);
    const key = keyOf([plain, textOf(policy)]);
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

  get groupCount(): number {
    return this.#groups.size;
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

  #plainClassOf(peer: RibPeer, session: RibSession): Omit<ExportClass, "policy"> {
    const { family } = this.#table;
    const config = this.#config;
    const { cx } = session;
    const externalAsn = config.confederation?.identifier ?? config.localAsn;
    const { role } = peer;
    const isAddPath = session.addPathSend?.includes(family) === true;
    const extendedNextHop = cx.extendedNextHop?.includes(family) === true;
    return {
      family,
      to: peerTypeOf(peer, config.localAsn),
      localAsn: config.localAsn,
      externalAsn,
      routerId: config.routerId,
      clusterId: clusterIdOf(config),
      nextHop: ownNextHop(peer, family, extendedNextHop),
      nextHopSelf: peer.nextHopSelf,
      extendedNextHop,
      routeServerClient: peer.routeServerClient === true,
      longLived: session.longLived?.includes(family) === true,
      longLivedPartial: config.longLivedPartial === true,
      aigp: cx.aigp === true,
      aigpMetric: peer.aigpMetric ?? aigpMetricDefault,
      onlyToCustomer:
        role === undefined || !hasOnlyToCustomer(family)
          ? undefined
          : { role, localAsn: externalAsn },
      fourOctetAs: cx.fourOctetAs,
      messageLengthMax: session.messageLengthMax,
      addPathCount: isAddPath
        ? Math.min(peer.addPathSendMax ?? addPathSendDefault, addPathSendLimit)
        : 0,
      constrained: isConstrainable(family, config) && cx.families.includes("route-target"),
    };
  }

  #dropIfEmpty(group: ExportGroup): void {
    if (group.members.size > 0 || group.leaving.size > 0) return;
    this.#groups.delete(group.key);
    group.targets?.[Symbol.dispose]();
  }

  #addGroup(key: string, plain: Omit<ExportClass, "policy">, policy: Policy): GroupEntry {
    const cls: ExportClass = { ...plain, policy: new CompiledPolicy(policy, this.#table.family) };
    const targets =
      plain.constrained && changesRouteTargets(policy)
        ? new ExportedTargets(this.#table.rows, this.#targetSets)
        : undefined;
    const group = new ExportGroup(key, cls, this.#table, this.#originOf, targets);
    const entry = { group, batch: new UpdateBatch(this.#table, group, this.#targetSets) };
    this.#groups.set(key, entry);
    // Never less here: a session that comes and goes must not take the table with it each time.
    const { countMax } = this.#table.addPathOut;
    this.#table.setAddPathCount(Math.max(countMax, this.#addPathCount()));
    return entry;
  }

  /** Paths per key that some group sends. */
  #addPathCount(): number {
    let countMax = 0;
    for (const { group } of this.#groups.values()) {
      countMax = Math.max(countMax, group.cls.addPathCount);
    }
    return countMax;
  }

  /** RFC 8212: an external session without a policy exchanges nothing. */
  #defaultPolicy(peer: RibPeer): Policy {
    return peerTypeOf(peer, this.#config.localAsn) === "external" ? rejectAll : acceptAll;
  }
}

/** Families whose routes go where route target memberships ask for them (RFC 4684). */
export function isConstrainable(family: AddressFamily, config: RibConfig): boolean {
  const isVpn = family === "ipv4-vpn" || family === "ipv6-vpn" || family === "evpn";
  return isVpn && config.families.includes("route-target");
}

export function localImportClass(config: RibConfig, family: AddressFamily): ImportClass {
  return {
    local: true,
    family,
    cx: { fourOctetAs: true, external: false, families: [family] },
    policy: new CompiledPolicy(acceptAll, family),
    ownAsns: ownAsnsOf(config),
    routerId: config.routerId,
    clusterId: clusterIdOf(config),
    onlyToCustomer: undefined,
    demoted: false,
    equalizesStale: false,
  };
}

export function peerTypeOf(peer: RibPeer, localAsn: Asn): Exclude<PeerType, "local"> {
  if (peer.confederationMember === true) return "confederation";
  if (peer.asn !== localAsn) return "external";
  return peer.reflectorClient ? "client" : "internal";
}

/** IPv4 routes get an IPv6 next hop only where there is no IPv4 address (RFC 8950 4). */
function ownNextHop(
  peer: RibPeer,
  family: AddressFamily,
  extendedNextHop: boolean,
): Ip | undefined {
  if (family === "ipv6-unicast" || family === "ipv6-vpn") return peer.nextHop6;
  if (family === "ipv4-unicast" || family === "ipv4-vpn") {
    return peer.nextHop4 ?? (extendedNextHop ? peer.nextHop6 : undefined);
  }
  return peer.nextHop4 ?? peer.nextHop6;
}

function ownAsnsOf({ localAsn, confederation }: RibConfig): readonly Asn[] {
  return confederation === undefined ? [localAsn] : [localAsn, confederation.identifier];
}

function clusterIdOf(config: RibConfig): Ip4 {
  return config.clusterId ?? config.routerId;
}

/** True when both read the same bytes as the same attributes. */
export function sameContext(a: CodecContext, b: CodecContext): boolean {
  return keyOf(a) === keyOf(b);
}

/** By policy, which many sessions share: writing one out takes longer than all else of a class. */
const policyTexts: WeakMap<Policy, string> = new WeakMap();

function textOf(policy: Policy): string {
  const known = policyTexts.get(policy);
  if (known !== undefined) return known;
  const text = keyOf(policy);
  policyTexts.set(policy, text);
  return text;
}

function keyOf(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => (typeof v === "bigint" ? `${v}n` : v));
}
