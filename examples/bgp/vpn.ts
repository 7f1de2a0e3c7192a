/**
 * Two nodes with a VRF each, and what the first installs for a host of the second: before and after
 * the host moves to it. RIBs without sockets, joined by the bytes that they send. `node
 * examples/bgp/vpn.ts` prints what happens.
 */
import { acceptAll, headerLength, type PeerIndex, Rib } from "@heddle/bgp";
import {
  formatIp,
  formatMac,
  formatPrefix,
  type Ip4,
  parseAsn,
  parseIp,
  parseIp4,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  parseVni,
  parseVrfId,
} from "@heddle/inet";
import {
  formatHop,
  type ImportChange,
  ImportTable,
  type LocalEndpoint,
  type LocalState,
  type MobilityEvent,
  mobilityDefaults,
  type OriginatedRoutes,
  originate,
  plan,
  singleHomed,
  stepMobility,
  unknownMac,
  type Vrf,
  type Vtep,
} from "@heddle/vpn";

const asn = parseAsn(64512);
const multipath = { ebgpCountMax: 8, ibgpCountMax: 8, relaxAsPath: true };

/** The VRF `red` as node `n` has it, 192.0.2.n. */
function redOf(n: number): Vrf {
  const targets = [parseRouteTarget("64512:7")];
  const subnetTargets = [parseRouteTarget("64512:70")];
  return {
    name: "red",
    vrfId: parseVrfId(7),
    rd: parseRouteDistinguisher(`192.0.2.${n}:7`),
    importTargets: targets,
    exportTargets: targets,
    l3: { vni: parseVni(10_007), routerMac: parseMac(`02:00:00:00:ff:0${n}`) },
    subnets: [
      {
        name: "web",
        rd: parseRouteDistinguisher(`192.0.2.${n}:70`),
        importTargets: subnetTargets,
        exportTargets: subnetTargets,
        l2Vni: parseVni(10_070),
        irb: "symmetric",
        prefixes: [parsePrefix("10.0.0.0/24")],
        announcePrefixes: false,
      },
    ],
  };
}

const host: LocalEndpoint = {
  vrf: "red",
  subnet: "web",
  mac: parseMac("02:00:00:00:00:0a"),
  ips: [parseIp("10.0.0.10")],
};

class Node {
  readonly vrfs: readonly Vrf[];
  readonly vtep: Vtep;
  readonly rib: Rib;
  readonly imports: ImportTable;
  readonly #peer: PeerIndex;
  #actual: OriginatedRoutes = new Map();

  constructor(n: number, other: Ip4) {
    const address = parseIp4(`192.0.2.${n}`);
    this.vrfs = [redOf(n)];
    this.vtep = { address, routerId: address, encapsulations: ["vxlan"] };
    this.rib = new Rib({
      localAsn: asn,
      routerId: address,
      families: ["evpn"],
      watchedFamilies: ["evpn"],
      multipath,
      forwarding: false,
      hashSeed: n,
    });
    this.#peer = this.rib.addPeer({
      address: other,
      asn,
      reflectorClient: false,
      importPolicy: acceptAll,
      exportPolicy: acceptAll,
      nextHop4: address,
      nextHopSelf: false,
    });
    const cx = { fourOctetAs: true, external: false, families: ["evpn"] } as const;
    this.rib.sessionUp(this.#peer, { cx, routerId: other, messageLengthMax: 4096 });
    this.imports = new ImportTable({ vtep: this.vtep, multipath });
    this.imports.configure(this.vrfs);
  }

  /** Everything that is local; what differs from before is announced or withdrawn. */
  have(endpoints: readonly LocalEndpoint[]): void {
    const state: LocalState = { vrfs: this.vrfs, segments: [], endpoints, prefixes: [] };
    const desired = originate(this.vtep, state);
    for (const { op, route } of plan(desired, this.#actual)) {
      const { attributes, family, key, payload } = route;
      if (op === "announce") this.rib.originateRoute(family, key, payload, attributes);
      else this.rib.withdrawRoute(family, key);
    }
    this.#actual = desired;
  }

  sendTo(other: Node): void {
    const deliver = (_peer: PeerIndex, bytes: Uint8Array): boolean => other.receive(bytes);
    while (this.rib.dirty) this.rib.flush(deliver);
    let bytes = this.rib.pull(this.#peer);
    for (; bytes !== undefined; bytes = this.rib.pull(this.#peer)) deliver(this.#peer, bytes);
  }

  receive(bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; at += view.getUint16(at + 16)) {
      const end = at + view.getUint16(at + 16);
      this.rib.receive(this.#peer, bytes, at + headerLength, end);
    }
    return true;
  }

  /** What the data plane is to make different. */
  import(): ImportChange[] {
    const changes: ImportChange[] = [];
    for (const change of this.rib.takeRouteChanges()) this.imports.update(change);
    while (this.imports.changesPending) changes.push(...this.imports.takeChanges());
    return changes;
  }
}

function format(change: ImportChange): string {
  switch (change.kind) {
    case "route":
      return `route ${formatPrefix(change.prefix)}: ${change.value?.hops.map(formatHop) ?? "gone"}`;
    case "mac":
      return `MAC ${formatMac(change.mac)}: ${change.value?.hops.map(formatHop) ?? "gone"}`;
    case "neighbor": {
      const { ip, value } = change;
      return `neighbor ${formatIp(ip)}: ${value === undefined ? "gone" : formatMac(value.mac)}`;
    }
    case "flood":
      return `flood: ${change.value?.map(formatHop) ?? "gone"}`;
    case "segment":
      return `segment: ${change.value?.length ?? 0} other nodes`;
  }
}

export function runVpn(): string[] {
  const one = new Node(1, parseIp4("192.0.2.2"));
  const two = new Node(2, parseIp4("192.0.2.1"));
  const lines: string[] = [];
  const exchange = (): void => {
    one.sendTo(two);
    two.sendTo(one);
    lines.push(...one.import().map(format).sort());
  };

  lines.push("the host is behind the second node");
  one.have([]);
  two.have([host]);
  exchange();

  lines.push("it moves to the first");
  const config = { ...mobilityDefaults, node: one.vtep.address };
  const [remote] = one.imports.macs("red", "web");
  let state = unknownMac;
  const events: MobilityEvent[] = [
    { kind: "remote", remote, nowMs: 0 },
    { kind: "learned", sticky: false, esi: singleHomed, nowMs: 1000 },
  ];
  for (const event of events) {
    const step = stepMobility(config, state, event);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind !== "announce") continue;
      const { sequence, sticky } = effect;
      lines.push(`announced with sequence number ${sequence}`);
      one.have([{ ...host, mobility: { sequence, sticky } }]);
    }
  }
  // Told so, the second node withdraws it.
  two.have([]);
  exchange();
  return lines;
}

if (import.meta.main) for (const line of runVpn()) console.log(line);
