/** Two nodes, two RIBs, and the bytes between them, with memberships and a segment. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AddressFamily,
  acceptAll,
  headerLength,
  type PeerIndex,
  Rib,
  type RibPeer,
} from "@heddle/bgp";
import { parseAsn, parseIp, parseIp4, parseMac, parsePrefix } from "@heddle/inet";
import {
  ImportTable,
  type LocalState,
  membershipRoutes,
  membershipsOf,
  type OriginatedRoutes,
  originate,
  plan,
  type Vrf,
} from "./mod.ts";
import { configOf, segmentOf, stateOf, vrfOf, vtepOf } from "./testing/nodes.ts";
import { drain, printTable } from "./testing/print.ts";

const asn = parseAsn(65000);
const families: readonly AddressFamily[] = ["route-target", "ipv4-vpn", "ipv6-vpn", "evpn"];
const multipath = { ebgpCountMax: 8, ibgpCountMax: 8, relaxAsPath: true };
const esi = 0x00010203040506070809n;

/** Node `n` with one iBGP peer. */
class Node {
  readonly rib: Rib;
  readonly imports: ImportTable;
  readonly #n: number;
  readonly #peer: PeerIndex;
  #actual: OriginatedRoutes = new Map();
  #memberships: OriginatedRoutes = new Map();

  constructor(n: number, other: number) {
    this.#n = n;
    this.imports = new ImportTable(configOf(n));
    this.rib = new Rib({
      localAsn: asn,
      routerId: parseIp4(`10.0.0.${n}`),
      families,
      multipath,
      forwarding: false,
      watchedFamilies: ["ipv4-vpn", "ipv6-vpn", "evpn"],
      hashSeed: 1,
    });
    const peer: RibPeer = {
      address: parseIp(`10.0.0.${other}`),
      asn,
      reflectorClient: false,
      importPolicy: acceptAll,
      exportPolicy: acceptAll,
      nextHop4: parseIp4(`10.0.0.${n}`),
      nextHopSelf: false,
    };
    this.#peer = this.rib.addPeer(peer);
    this.rib.sessionUp(this.#peer, {
      cx: { fourOctetAs: true, external: false, families },
      routerId: parseIp4(`10.0.0.${other}`),
      messageLengthMax: 4096,
    });
  }

  configure(state: LocalState): void {
    const vtep = vtepOf(this.#n);
    const memberships = membershipRoutes(vtep, membershipsOf(asn, state.vrfs, state.segments));
    const desired = originate(vtep, state);
    this.#apply(memberships, this.#memberships);
    this.#apply(desired, this.#actual);
    this.#memberships = memberships;
    this.#actual = desired;
    this.imports.configure(state.vrfs, state.segments);
  }

  #apply(desired: OriginatedRoutes, actual: OriginatedRoutes): void {
    for (const { op, route } of plan(desired, actual)) {
      const { family, key, payload, attributes } = route;
      if (op === "announce") this.rib.originateRoute(family, key, payload, attributes);
      else this.rib.withdrawRoute(family, key);
    }
  }

  /** All that is to be said to the other node. */
  *#messages(): Generator<Uint8Array> {
    while (!this.rib.inSync(this.#peer)) {
      const bytes = this.rib.pull(this.#peer);
      if (bytes === undefined) break;
      yield bytes;
    }
    const sent: Uint8Array[] = [];
    while (this.rib.dirty) this.rib.flush((_peer, bytes) => sent.push(bytes.slice()) > 0);
    yield* sent;
  }

  sendTo(other: Node): void {
    for (const bytes of this.#messages()) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < bytes.length; ) {
        const end = at + view.getUint16(at + 16);
        const { problems } = other.rib.receive(other.#peer, bytes, at + headerLength, end);
        assert.deepEqual(problems, []);
        at = end;
      }
    }
  }

  /** The changes of what is imported, as text. */
  import(): string[] {
    while (this.rib.routeChangesPending) {
      for (const change of this.rib.takeRouteChanges()) this.imports.update(change);
    }
    return drain(this.imports);
  }
}

test("what one node originates, the other imports over BGP, and loses again", () => {
  const vrfs = (n: number) => [vrfOf(n, 1)];
  const endpoints = [
    {
      vrf: "red-1",
      subnet: "a",
      mac: parseMac("02:00:00:00:00:0a"),
      ips: [parseIp("10.10.0.10")],
      tag: 77,
    },
    { vrf: "red-1", ips: [parseIp("fd00::99")] },
  ];
  const prefix = parsePrefix("192.0.2.0/24");
  const prefixes = [{ vrf: "red-1", prefix, gateway: parseIp("10.10.0.10") }];
  const full = stateOf({ vrfs: vrfs(2), endpoints, prefixes, segments: [segmentOf(esi)] });
  const one = new Node(1, 2);
  const two = new Node(2, 1);
  one.configure(stateOf({ vrfs: vrfs(1), segments: [segmentOf(esi)] }));
  two.configure(full);
  for (let i = 0; i < 3; i += 1) {
    one.sendTo(two);
    two.sendTo(one);
  }
  const hop = "vxlan 10.0.0.2 vni";
  const lines = [
    `red-1 10.10.0.10/32 -> mac-ip ${hop} 10001 mac 02:00:00:00:ff:02 tag 77`,
    `red-1 192.0.2.0/24 -> ip-prefix ${hop} 20010 mac 02:00:00:00:00:0a`,
    `red-1 fd00::99/128 -> ip-prefix ${hop} 10001 mac 02:00:00:00:ff:02`,
    `red-1/a 02:00:00:00:00:0a -> ${hop} 20010 seq 0 tag 77`,
    "red-1/a 10.10.0.10 -> 02:00:00:00:00:0a tag 77",
    `red-1/a flood -> ${hop} 20010`,
  ];
  assert.deepEqual(one.import(), [
    ...lines,
    "segment 00:01:02:03:04:05:06:07:08:09 -> 10.0.0.2 modulo",
  ]);
  two.configure(stateOf({ ...full, endpoints: [], prefixes: [], segments: [] }));
  two.sendTo(one);
  assert.equal(one.import().length, 6);
  assert.deepEqual(printTable(one.imports, vrfs(1)), [`red-1/a flood -> ${hop} 20010`]);
});

test("RFC 4659 3.2.1.2: VPN routes of IPv6 between nodes that have IPv4 addresses", () => {
  const labelled = (n: number): Vrf => {
    const { l3: _l3, ...vrf } = vrfOf(n, 1, { subnets: [] });
    return vrf;
  };
  const one = new Node(1, 2);
  const two = new Node(2, 1);
  one.configure(stateOf({ vrfs: [labelled(1)] }));
  const endpoints = [{ vrf: "red-1", ips: [parseIp("fd00::99"), parseIp("10.0.9.9")] }];
  two.configure(stateOf({ vrfs: [labelled(2)], endpoints }));
  for (let i = 0; i < 3; i += 1) {
    one.sendTo(two);
    two.sendTo(one);
  }
  const hop = "vpn mpls-in-udp 10.0.0.2 label 1001";
  assert.deepEqual(one.import(), [`red-1 10.0.9.9/32 -> ${hop}`, `red-1 fd00::99/128 -> ${hop}`]);
});
