/**
 * `make bench B=vpn`: what `ImportTable` costs with 100,000 hosts of 100 nodes in 100 VRFs of ten
 * subnets each, as the RIB gives their routes. One change in the full table costs what a change in
 * an empty one costs; a withdrawn segment costs its hosts.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { acceptAll, type PeerIndex, Rib, type RouteChange } from "@heddle/bgp";
import {
  type Esi,
  formatIp,
  type Ip4,
  ip4FromNumber,
  type Mac,
  parseAsn,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  parseVni,
  parseVrfId,
} from "@heddle/inet";
import {
  type EthernetSegment,
  ImportTable,
  type LocalEndpoint,
  originate,
  type Subnet,
  type Vrf,
  type Vtep,
} from "@heddle/vpn";

const vrfCount = 100;
const subnetCount = 10;
const nodeCount = 100;
const hostCount = 100_000;
const singleCount = 10_000;
const segmentHostCount = 1000;
const asn = parseAsn(65000);
const multipath = { ebgpCountMax: 8, ibgpCountMax: 8, relaxAsPath: true };
const esi = 0x00010203040506070809n as Esi;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function addressOf(node: number): Ip4 {
  return ip4FromNumber(0x0a000000 + node);
}

function vtepOf(node: number): Vtep {
  const address = addressOf(node);
  return { address, routerId: address, encapsulations: ["vxlan"] };
}

function subnetOf(node: number, vrf: number, i: number): Subnet {
  const id = vrf * subnetCount + i;
  const targets = [parseRouteTarget(`65000:${10_000 + id}`)];
  return {
    name: `subnet-${i}`,
    rd: parseRouteDistinguisher(`${formatIp(addressOf(node))}:${10_000 + id}`),
    importTargets: targets,
    exportTargets: targets,
    l2Vni: parseVni(20_000 + id),
    irb: "symmetric",
    prefixes: [parsePrefix(`10.${i}.0.0/16`)],
    announcePrefixes: false,
  };
}

function vrfOf(node: number, vrf: number): Vrf {
  const targets = [parseRouteTarget(`65000:${vrf}`)];
  return {
    name: `vrf-${vrf}`,
    vrfId: parseVrfId(vrf + 1),
    rd: parseRouteDistinguisher(`${formatIp(addressOf(node))}:${vrf}`),
    importTargets: targets,
    exportTargets: targets,
    l3: { vni: parseVni(10_000 + vrf), routerMac: parseMac("02:00:00:00:ff:01") },
    subnets: Array.from({ length: subnetCount }, (_, i) => subnetOf(node, vrf, i)),
  };
}

function vrfsOf(node: number): Vrf[] {
  return Array.from({ length: vrfCount }, (_, vrf) => vrfOf(node, vrf));
}

/** Host `i`, spread over VRFs and their subnets. */
function hostOf(i: number): LocalEndpoint {
  const vrf = i % vrfCount;
  const subnet = Math.floor(i / vrfCount) % subnetCount;
  const host = Math.floor(i / (vrfCount * subnetCount)) + 2;
  const mac = (0x020000000000 + i) as Mac;
  const ips = [ip4FromNumber(0x0a000000 + subnet * 0x10000 + host)];
  return { vrf: `vrf-${vrf}`, subnet: `subnet-${subnet}`, mac, ips };
}

/** Routes of nodes as another node's RIB tells them. */
class Feed {
  readonly #rib: Rib;
  readonly #sender: Rib;
  readonly #peer: PeerIndex;
  readonly #toRib: PeerIndex;

  constructor() {
    const config = { localAsn: asn, families: ["evpn"], multipath, forwarding: false } as const;
    const watchedFamilies = ["evpn"] as const;
    const routerId = addressOf(200);
    this.#rib = new Rib({ ...config, routerId, hashSeed: 1, watchedFamilies });
    this.#sender = new Rib({ ...config, routerId: addressOf(201), hashSeed: 2 });
    this.#peer = join(this.#rib, addressOf(201), routerId);
    this.#toRib = join(this.#sender, routerId, addressOf(201));
  }

  announce(node: number, endpoints: readonly LocalEndpoint[], segments: EthernetSegment[]): void {
    const vtep = vtepOf(node);
    const state = { vrfs: vrfsOf(node), segments, endpoints, prefixes: [] };
    for (const { attributes, family, key, payload } of originate(vtep, state).values()) {
      this.#sender.originateRoute(family, key, payload, attributes);
    }
  }

  take(): RouteChange[] {
    const changes: RouteChange[] = [];
    const receive = (bytes: Uint8Array): boolean => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < bytes.length; at += view.getUint16(at + 16)) {
        this.#rib.receive(this.#peer, bytes, at + 19, at + view.getUint16(at + 16));
      }
      return true;
    };
    while (this.#sender.dirty) this.#sender.flush((_peer, bytes) => receive(bytes));
    for (let bytes = this.#sender.pull(this.#toRib); bytes !== undefined; ) {
      receive(bytes);
      bytes = this.#sender.pull(this.#toRib);
    }
    while (this.#rib.dirty) this.#rib.flush(() => true);
    while (this.#rib.routeChangesPending) changes.push(...this.#rib.takeRouteChanges());
    return changes;
  }
}

/** Adds `address` as a peer with a session to a RIB that is at `own`. */
function join(rib: Rib, address: Ip4, own: Ip4): PeerIndex {
  const policies = { importPolicy: acceptAll, exportPolicy: acceptAll };
  const nextHops = { nextHop4: own, nextHopSelf: false };
  const peer = rib.addPeer({ address, asn, reflectorClient: false, ...policies, ...nextHops });
  const cx = { fourOctetAs: true, external: false, families: ["evpn"] } as const;
  rib.sessionUp(peer, { cx, routerId: address, messageLengthMax: 65535 });
  return peer;
}

/** In time of the thread, so that other work on the machine counts less. */
function tell(what: string, count: number, run: () => void): void {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  const ns = ((user + system) * 1000) / count;
  console.log(`${what.padEnd(48)} ${ns.toFixed(0).padStart(8)} ns each, ${count}`);
}

function drain(table: ImportTable): number {
  let count = 0;
  while (table.changesPending) count += table.takeChanges().length;
  return count;
}

function newTable(): ImportTable {
  const table = new ImportTable({ vtep: vtepOf(200), multipath });
  table.configure(vrfsOf(200));
  return table;
}

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const gone = ({ family, key }: RouteChange): RouteChange => {
  return { family, key, best: undefined, candidate: undefined };
};

function measure(hosts: readonly RouteChange[], table: ImportTable): void {
  const fill = (): void => {
    for (const change of hosts) table.update(change);
    drain(table);
  };
  const beforeBytes = heapBytes();
  tell("hosts of all nodes, one after another", hosts.length, fill);
  const bytes = (heapBytes() - beforeBytes) / hosts.length;
  console.log(`heap of a route with its three results: ${bytes.toFixed(0)} octets`);
  tell("the same once more", hosts.length, fill);
  measureSingles("beside the others", hosts.slice(0, singleCount), table);
  tell("all withdrawn", hosts.length, () => {
    for (const change of hosts) table.update(gone(change));
    drain(table);
  });
}

/** Each change is taken before the next comes. `table` holds `hosts` or not. */
function measureSingles(where: string, hosts: readonly RouteChange[], table: ImportTable): void {
  const one = (change: RouteChange): void => {
    table.update(change);
    drain(table);
  };
  for (const change of hosts) one(gone(change));
  tell(`announced one by one, ${where}`, hosts.length, () => {
    for (const change of hosts) one(change);
  });
  tell(`withdrawn one by one, ${where}`, hosts.length, () => {
    for (const change of hosts) one(gone(change));
  });
  for (const change of hosts) one(change);
}

function measureSegment(): void {
  const [feed, table] = [new Feed(), newTable()];
  const subnets = [{ vrf: "vrf-0", subnet: "subnet-0" }];
  const segment: EthernetSegment = {
    ...{ esi, singleActive: false, label: 0, electionAlgorithm: "modulo" },
    subnets,
  };
  const endpoints = Array.from({ length: segmentHostCount }, (_, i) => {
    const ips = [ip4FromNumber(0x0a00f000 + i)];
    return { vrf: "vrf-0", subnet: "subnet-0", mac: (0x02ff00000000 + i) as Mac, ips, esi };
  });
  feed.announce(150, endpoints, [segment]);
  feed.announce(151, [], [segment]);
  const changes = feed.take();
  for (const change of changes) table.update(change);
  drain(table);
  const whole = changes.find(({ best }) => best?.text.includes("10.0.0.150:0 [1]:[4294967295]"));
  if (whole === undefined) throw new Error("no route of the whole segment");
  tell("a segment withdrawn, per host behind it", segmentHostCount, () => {
    table.update(gone(whole));
    drain(table);
  });
}

/** All routes of `nodeCount` nodes, without the RIBs that they came through. */
function routesOfNodes(): { readonly hosts: RouteChange[]; readonly floods: RouteChange[] } {
  const feed = new Feed();
  const share = hostCount / nodeCount;
  for (let node = 1; node <= nodeCount; node += 1) {
    const first = (node - 1) * share;
    const endpoints = Array.from({ length: share }, (_, i) => hostOf(first + i));
    feed.announce(node, endpoints, []);
  }
  const changes = feed.take();
  const [hosts, floods] = [2, 3].map((type) => changes.filter(({ key }) => key[0] === type));
  return { hosts: hosts ?? [], floods: floods ?? [] };
}

const { floods, hosts } = routesOfNodes();
collectGarbage();
const table = newTable();
tell("floods, of all subnets by all nodes", floods.length, () => {
  for (const change of floods) table.update(change);
  drain(table);
});
measure(hosts, table);
measureSingles("alone", hosts.slice(0, singleCount), newTable());
measureSegment();
