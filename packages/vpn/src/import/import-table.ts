/**
 * From the best routes of the VPN and EVPN families to what each VRF of a node installs. Routes
 * come one by one (`update`), VRFs all at once (`configure`), in any order; what changed by then is
 * taken with `takeChanges`. The result depends on the routes and VRFs that are there, never on how
 * they came.
 *
 * A route costs what it has to do with: its importers, and the prefixes that are resolved by it; a
 * type 1 route costs the hosts behind its segment. The table holds what the RIB's best paths are,
 * so the RIB's limits bound it.
 */
import type { MultipathConfig, RouteChange } from "@heddle/bgp";
import { compareIp, type Esi, type Ip, type RouteDistinguisher, type VrfId } from "@heddle/inet";
import { checkSegments, checkVrfs } from "../check-vrfs.ts";
import type { SegmentMember } from "../election.ts";
import type { TunnelHop } from "../hop.ts";
import { esImportMac } from "../segment-communities.ts";
import type { EthernetSegment, Vrf, Vtep } from "../vrf.ts";
import type {
  ChangeSource,
  Emit,
  ImportChange,
  MacEntry,
  NeighborEntry,
  VrfRoute,
} from "./import-change.ts";
import { type ImportPath, importPathOf, isKind, type PathOf, pathIdOf } from "./import-path.ts";
import { MacVrfTable } from "./mac-vrf-table.ts";
import { AttributeReader } from "./path-attributes.ts";
import { PathIndex } from "./path-index.ts";
import { ResultTable } from "./result-table.ts";
import { TargetIndex } from "./target-index.ts";
import { type VrfContext, VrfTable } from "./vrf-table.ts";

export interface ImportConfig {
  readonly vtep: Vtep;
  /** For prefixes that come under several route distinguishers. */
  readonly multipath: MultipathConfig;
}

/** A VRF with the tables of its subnets, by name. */
interface Instance {
  readonly table: VrfTable;
  readonly subnets: ReadonlyMap<string, MacVrfTable>;
  /** Of all that it was made from. */
  readonly signature: string;
}

export class ImportTable {
  readonly #config: ImportConfig;
  readonly #reader: AttributeReader;
  readonly #paths: Map<string, ImportPath> = new Map();
  /** Paths of this node, which may leak into other VRFs of it. */
  readonly #localPaths: Set<ImportPath> = new Set();
  readonly #targets: TargetIndex = new TargetIndex();
  readonly #owners: Map<RouteDistinguisher, VrfId> = new Map();
  readonly #context: VrfContext;
  readonly #instances: Map<string, Instance> = new Map();
  /** Tables with something to work out, the one that has waited longest first. */
  readonly #marked: Set<ChangeSource> = new Set();
  /** Tables of what is gone, until everything of them is withdrawn. */
  readonly #leaving: Set<ChangeSource> = new Set();
  readonly #ownSegments: Map<Esi, EthernetSegment> = new Map();
  readonly #memberships: PathIndex<Esi, PathOf<"ethernet-segment">> = new PathIndex();
  readonly #members: ResultTable<Esi, readonly SegmentMember[]> = new ResultTable();

  constructor(config: ImportConfig) {
    this.#config = config;
    this.#reader = new AttributeReader(config.vtep);
    this.#context = {
      multipath: config.multipath,
      owners: this.#owners,
      onMarked: (table) => this.#marked.add(table),
    };
  }

  /**
   * Replaces VRFs and segments. Routes are matched again for VRFs that are new or changed; the
   * others are left alone.
   * @throws VpnError `config`, then nothing has changed
   */
  configure(vrfs: readonly Vrf[], segments: readonly EthernetSegment[] = []): void {
    checkVrfs(vrfs);
    checkSegments(segments, vrfs);
    this.#setOwners(vrfs);
    this.#setSegments(segments);
    const names = new Set(vrfs.map(({ name }) => name));
    for (const [name, instance] of this.#instances) {
      if (names.has(name)) continue;
      this.#instances.delete(name);
      this.#unsubscribe(instance);
      this.#leave(instance.table);
      for (const table of instance.subnets.values()) this.#leaveSubnet(table, name);
    }
    for (const vrf of vrfs) this.#setVrf(vrf, segments);
  }

  /** Applies a change of the RIB (`Rib.takeRouteChanges`); other families are not for this table. */
  update(change: RouteChange): void {
    const id = pathIdOf(change);
    const before = this.#paths.get(id);
    if (before !== undefined) this.#remove(before);
    const path = importPathOf(change, id, this.#config.vtep, this.#reader);
    if (path !== undefined) this.#add(path);
  }

  /** True when `takeChanges` has something to do. */
  get changesPending(): boolean {
    return this.#members.isMarked || this.#marked.size > 0 || this.#leaving.size > 0;
  }

  /** What changed, after working out about `limit` results; each with its current state. */
  takeChanges(limit = 1024): ImportChange[] {
    const changes: ImportChange[] = [];
    const emit: Emit = (change) => {
      changes.push(change);
    };
    // What is gone goes first: it may be back under the same name.
    const left = takeFrom(this.#marked, takeFrom(this.#leaving, limit, emit), emit);
    this.#members.take(
      left,
      (esi) => this.#membersOf(esi),
      equalMembers,
      (esi, value) => emit({ kind: "segment", esi, value }),
    );
    return changes;
  }

  /** Routes of a VRF as of the last `takeChanges`; empty for one that is not known. */
  routes(vrf: string): Iterable<VrfRoute> {
    return this.#instances.get(vrf)?.table.routes.values() ?? [];
  }

  /** As `routes`. */
  macs(vrf: string, subnet: string): Iterable<MacEntry> {
    return this.#subnet(vrf, subnet)?.macs.values() ?? [];
  }

  /** As `routes`. */
  neighbors(vrf: string, subnet: string): Iterable<NeighborEntry> {
    return this.#subnet(vrf, subnet)?.neighbors.values() ?? [];
  }

  /** As `routes`. */
  floods(vrf: string, subnet: string): readonly TunnelHop[] {
    return this.#subnet(vrf, subnet)?.floods.get(0) ?? [];
  }

  /** The other nodes on a segment of ours; as `routes`. */
  members(esi: Esi): readonly SegmentMember[] {
    return this.#members.get(esi) ?? [];
  }

  /** Routes that the table holds, imported or not. */
  get pathCount(): number {
    return this.#paths.size;
  }

  #subnet(vrf: string, subnet: string): MacVrfTable | undefined {
    return this.#instances.get(vrf)?.subnets.get(subnet);
  }

  #add(path: ImportPath): void {
    this.#paths.set(path.id, path);
    if (path.local) this.#localPaths.add(path);
    if (isKind(path, "ethernet-segment")) {
      this.#memberships.add(path.route.esi, path);
      this.#markMembers(path.route.esi);
    } else {
      this.#targets.addPath(path);
    }
  }

  #remove(path: ImportPath): void {
    this.#paths.delete(path.id);
    this.#localPaths.delete(path);
    if (isKind(path, "ethernet-segment")) {
      this.#memberships.delete(path.route.esi, path);
      this.#markMembers(path.route.esi);
    } else {
      this.#targets.removePath(path);
    }
  }

  /** Routes of this node in other VRFs lead to the VRF that owns their route distinguisher. */
  #setOwners(vrfs: readonly Vrf[]): void {
    const before = new Map(this.#owners);
    this.#owners.clear();
    for (const vrf of vrfs) {
      for (const { rd } of [vrf, ...vrf.subnets]) this.#owners.set(rd, vrf.vrfId);
    }
    for (const path of this.#localPaths) {
      if (before.get(path.route.rd) === this.#owners.get(path.route.rd)) continue;
      this.#targets.forEachImporter(path, (importer) => importer.touch(path));
    }
  }

  #setVrf(vrf: Vrf, segments: readonly EthernetSegment[]): void {
    const before = this.#instances.get(vrf.name);
    const own = new Map(vrf.subnets.map(({ name }) => [name, segmentsOn(segments, vrf, name)]));
    const signature = signatureOf([vrf, [...own].map(([name, on]) => [name, on.map(traitsOf)])]);
    if (before?.signature === signature) return;
    if (before !== undefined) this.#unsubscribe(before);
    const table = new VrfTable(vrf, this.#context, before?.table);
    const { onMarked } = this.#context;
    const subnets = new Map<string, MacVrfTable>();
    for (const subnet of vrf.subnets) {
      const ownSegments = new Map(own.get(subnet.name)?.map((segment) => [segment.esi, segment]));
      const cx = { vrf: vrf.name, ownSegments, listener: table, onMarked };
      const replaced = before?.subnets.get(subnet.name);
      subnets.set(subnet.name, new MacVrfTable(subnet, cx, replaced));
    }
    for (const [name, gone] of before?.subnets ?? []) {
      if (!subnets.has(name)) this.#leaveSubnet(gone, vrf.name);
    }
    table.setSubnets([...subnets.values()]);
    this.#instances.set(vrf.name, { table, subnets, signature });
    for (const subnet of subnets.values()) {
      this.#targets.addImporter(subnet, subnet.subnet.importTargets);
    }
    this.#targets.addImporter(table, vrf.importTargets);
  }

  #unsubscribe({ table, subnets }: Instance): void {
    this.#targets.removeImporter(table, table.vrf.importTargets);
    this.#marked.delete(table);
    for (const subnet of subnets.values()) {
      this.#targets.removeImporter(subnet, subnet.subnet.importTargets);
      this.#marked.delete(subnet);
    }
  }

  /** Takes over the results of `gone` without its paths, so that all of them come out as none. */
  #leave(gone: VrfTable): void {
    this.#addLeaving(new VrfTable(gone.vrf, { ...this.#context, onMarked: deaf }, gone));
  }

  #leaveSubnet(gone: MacVrfTable, vrf: string): void {
    const cx = { vrf, ownSegments: new Map(), listener: deafListener, onMarked: deaf };
    this.#addLeaving(new MacVrfTable(gone.subnet, cx, gone));
  }

  #addLeaving(table: ChangeSource): void {
    if (table.isMarked) this.#leaving.add(table);
  }

  #setSegments(segments: readonly EthernetSegment[]): void {
    const esis = new Set([...this.#ownSegments.keys(), ...segments.map(({ esi }) => esi)]);
    this.#ownSegments.clear();
    for (const segment of segments) this.#ownSegments.set(segment.esi, segment);
    for (const esi of esis) this.#members.mark(esi);
  }

  #markMembers(esi: Esi): void {
    if (this.#ownSegments.has(esi)) this.#members.mark(esi);
  }

  /** RFC 7432 8.1.1: imported by the ES-Import of the segment, then by its identifier. */
  #membersOf(esi: Esi): readonly SegmentMember[] | undefined {
    if (!this.#ownSegments.has(esi)) return undefined;
    const members = new Map<Ip, SegmentMember>();
    for (const { attributes, local, route } of this.#memberships.sorted(esi)) {
      if (local || attributes.esImport !== esImportMac(esi)) continue;
      const { originator } = route;
      members.set(originator, { address: originator, algorithm: attributes.electionAlgorithm });
    }
    return [...members.values()].sort((a, b) => compareIp(a.address, b.address));
  }
}

const deaf = (): void => undefined;
const deafListener = { onIp: deaf, onMac: deaf, onSegment: deaf };

/** Takes from tables in turn, up to `limit` results; returns how many more there could have been. */
function takeFrom(tables: Set<ChangeSource>, limit: number, emit: Emit): number {
  let left = limit;
  for (const table of tables) {
    if (left <= 0) break;
    tables.delete(table);
    left -= table.take(left, emit);
    if (table.isMarked) tables.add(table);
  }
  return left;
}

function equalMembers(a: readonly SegmentMember[], b: readonly SegmentMember[]): boolean {
  return (
    a.length === b.length &&
    a.every((member, i) => {
      const other = b[i] as SegmentMember;
      return member.address === other.address && member.algorithm === other.algorithm;
    })
  );
}

function segmentsOn(
  segments: readonly EthernetSegment[],
  vrf: Vrf,
  subnet: string,
): EthernetSegment[] {
  const on = segments.filter(({ subnets }) =>
    subnets.some((other) => other.vrf === vrf.name && other.subnet === subnet),
  );
  return on.sort((a, b) => (a.esi < b.esi ? -1 : 1));
}

/** What a VRF makes of a segment of this node. */
function traitsOf({ esi, singleActive }: EthernetSegment): unknown {
  return [esi, singleActive];
}

function signatureOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? `${part}n` : part,
  );
}
