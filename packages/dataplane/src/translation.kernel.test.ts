/**
 * Between the node and a pod of another VRF: every packet must become, byte for byte, the one that
 * would have been built with the other addresses.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ipToBytes, macToBytes, parseIfindex, parseIp, parseMac } from "@heddle/inet";
import { createNetns } from "@heddle/native";
import { newLink, Rtnetlink } from "@heddle/netlink";
import {
  ethernet,
  ethertype,
  type Ip4Fields,
  type Ip6Fields,
  icmp4,
  icmp6,
  ip4,
  ip6,
  type SkbFields,
  tcp,
  transportChecksum,
  udp,
  withChecksum,
} from "./testing/packets.ts";
import { emptyVif, ProgramBench, plainRoute, type Ran, verdict } from "./testing/program-bench.ts";

const hostMac = "02:00:00:00:01:00";
const podMac = "02:00:00:00:00:01";
const uplinkMac = "02:00:00:00:03:00";
const podIfindex = parseIfindex(12);
const lonelyIfindex = parseIfindex(13);
const nativeIfindex = parseIfindex(14);
const uplinkIfindex = parseIfindex(15);

/** As the node sees the two ends, and as the pod does. */
const atNode = {
  4: { node: "192.0.2.1", pod: "10.244.0.9" },
  6: { node: "fd00:2::1", pod: "fd00:10:244::9" },
} as const;
const atPod = {
  4: { node: "169.254.1.1", pod: "10.0.0.5" },
  6: { node: "fe80::1", pod: "fd00:aa::5" },
} as const;

const families = [4, 6] as const;
type Family = (typeof families)[number];

interface Ends {
  readonly src: string;
  readonly dst: string;
}

const toPodAtNode = (family: Family): Ends => ({
  src: atNode[family].node,
  dst: atNode[family].pod,
});
const toPodAtPod = (family: Family): Ends => ({ src: atPod[family].node, dst: atPod[family].pod });
const reversed = ({ src, dst }: Ends): Ends => ({ src: dst, dst: src });

const owned = new DisposableStack();
let bench: ProgramBench;

before(() => {
  const netns = owned.use(createNetns());
  using rtnetlink = new Rtnetlink(netns);
  for (const ifindex of [podIfindex, lonelyIfindex, nativeIfindex, uplinkIfindex]) {
    const kind = { name: "bridge" } as const;
    const mac = parseMac(uplinkMac);
    rtnetlink.execute([newLink({ name: `b${ifindex}`, ifindex, up: true, mac, kind })]);
  }
  bench = owned.use(new ProgramBench(netns));
  const vif = {
    ...emptyVif,
    mac: macToBytes(parseMac(podMac)),
    hostMac: macToBytes(parseMac(hostMac)),
    address4: Number(parseIp(atPod[4].pod)),
    address6: ipToBytes(parseIp(atPod[6].pod)),
  };
  const infrastructure = {
    infrastructure4: Number(parseIp(atNode[4].pod)),
    infrastructure6: ipToBytes(parseIp(atNode[6].pod)),
  };
  const node = {
    node4: Number(parseIp(atNode[4].node)),
    node6: ipToBytes(parseIp(atNode[6].node)),
  };
  bench.vifs.set(podIfindex, { ...vif, vrf: 7, ...infrastructure, ...node });
  bench.vifs.set(lonelyIfindex, { ...vif, vrf: 8, ...infrastructure });
  bench.vifs.set(nativeIfindex, vif);
  bench.putRoute(0, `${atNode[4].pod}/32`, plainRoute("infrastructure"));
  bench.putRoute(0, `${atNode[6].pod}/128`, plainRoute("infrastructure"));
});

after(() => owned.dispose());

type Fields = Partial<Ip4Fields & Ip6Fields> & { readonly payload: Uint8Array };

/** A packet of the family; `protocol` is its protocol or next header. */
function packetOf(family: Family, ends: Ends, protocol: number, fields: Fields): Uint8Array {
  return family === 4
    ? ip4({ ...ends, protocol, ...fields })
    : ip6({ ...ends, nextHeader: protocol, ...fields });
}

function fromNode(packet: Uint8Array, ifindex = podIfindex, fields: SkbFields = {}): Ran {
  const type = packet[0]! >> 4 === 4 ? ethertype.ip4 : ethertype.ip6;
  return bench.run(bench.programs.toPod, ifindex, ethernet(podMac, hostMac, type, packet), fields);
}

function fromPod(packet: Uint8Array, ifindex = podIfindex): Ran {
  const type = packet[0]! >> 4 === 4 ? ethertype.ip4 : ethertype.ip6;
  return bench.run(bench.programs.fromPod, ifindex, ethernet(hostMac, podMac, type, packet));
}

/** In both directions: the packet as one end sends it becomes the one that the other end gets. */
function assertTranslated(
  family: Family,
  protocol: number,
  build: (ends: Ends, quoted: Ends) => Fields,
): void {
  const [node, pod] = [toPodAtNode(family), toPodAtPod(family)];
  const at = (ends: Ends): Uint8Array =>
    packetOf(family, ends, protocol, build(ends, reversed(ends)));
  const down = bench.assertTook(() => fromNode(at(node)), "stack-to-pod", verdict.ok);
  assert.equal(down.packet.subarray(14).toHex(), at(pod).toHex());
  const up = bench.assertTook(() => fromPod(at(reversed(pod))), "pod-to-stack", verdict.ok);
  assert.equal(up.packet.subarray(14).toHex(), at(reversed(node)).toHex());
}

test("TCP, UDP and SCTP are translated in both directions, with their checksums", () => {
  for (const family of families) {
    assertTranslated(family, 6, ({ src, dst }) => ({
      payload: withChecksum(src, dst, 6, tcp(1000, 80)),
    }));
    assertTranslated(family, 17, ({ src, dst }) => ({
      payload: withChecksum(src, dst, 17, udp(1000, 53, 33)),
    }));
    assertTranslated(family, 132, () => ({ payload: new Uint8Array(24).fill(3) }));
  }
});

test("echo is translated; the checksum of ICMPv6 has the addresses in it", () => {
  const body = Uint8Array.from([0, 1, 0, 2, 3, 4, 5]);
  for (const type of [8, 0]) assertTranslated(4, 1, () => ({ payload: icmp4(type, body) }));
  for (const type of [128, 129]) {
    assertTranslated(6, 58, ({ src, dst }) => ({ payload: icmp6(src, dst, type, body) }));
  }
});

test("an ICMP error is translated with the packet that it quotes", () => {
  for (const type of [3, 11, 12]) {
    assertTranslated(4, 1, (_ends, quoted) => {
      const inner = ip4({ ...quoted, protocol: 17, ttl: 3, payload: udp(1000, 33434, 20) });
      return { payload: icmp4(type, Uint8Array.from([0, 0, 5, 0xdc, ...inner])) };
    });
  }
  for (const type of [1, 2, 3, 4]) {
    assertTranslated(6, 58, ({ src, dst }, quoted) => {
      const inner = ip6({ ...quoted, nextHeader: 17, payload: udp(1000, 33434, 20) });
      return { payload: icmp6(src, dst, type, Uint8Array.from([0, 0, 5, 0, ...inner])) };
    });
  }
});

test("an ICMP error about a packet between others is dropped", () => {
  const quote4 = ip4({ src: atNode[4].pod, dst: "203.0.113.9", payload: udp(1, 2) });
  const about4 = icmp4(3, Uint8Array.from([0, 0, 0, 0, ...quote4]));
  const error4 = ip4({ ...toPodAtNode(4), protocol: 1, payload: about4 });
  bench.assertDropped(() => fromNode(error4), "untranslatable");
  const quote6 = ip6({ src: "2001:db8::9", dst: atNode[6].node, payload: udp(1, 2) });
  const { src, dst } = reversed(toPodAtPod(6));
  const about6 = icmp6(src, dst, 1, Uint8Array.from([0, 0, 0, 0, ...quote6]));
  bench.assertDropped(
    () => fromPod(ip6({ src, dst, nextHeader: 58, payload: about6 })),
    "untranslatable",
  );
});

test("a UDP checksum of zero stays zero, and one that becomes zero is written as ones", () => {
  assertTranslated(4, 17, () => ({ payload: udp(1000, 53) }));
  const { src, dst } = toPodAtPod(4);
  const segment = udp(1000, 53);
  const filler = transportChecksum(src, dst, 17, segment);
  segment.set([filler >> 8, filler & 255], 8);
  assert.equal(transportChecksum(src, dst, 17, segment), 0);
  const node = toPodAtNode(4);
  const sent = ip4({ ...node, payload: withChecksum(node.src, node.dst, 17, segment) });
  const { packet } = bench.assertTook(() => fromNode(sent), "stack-to-pod", verdict.ok);
  assert.equal(packet.subarray(14 + 20 + 6, 14 + 20 + 8).toHex(), "ffff");
});

test("options of IPv4 do not hide the transport", () => {
  assertTranslated(4, 6, ({ src, dst }) => ({
    options: [1, 1, 1, 0],
    payload: withChecksum(src, dst, 6, tcp(1000, 80)),
  }));
});

test("fragments are translated one by one and make one right datagram", () => {
  const [node, pod] = [toPodAtNode(4), toPodAtPod(4)];
  const [node6, pod6] = [toPodAtNode(6), toPodAtPod(6)];
  const sent = withChecksum(node.src, node.dst, 17, udp(7, 8, 1000));
  const sent6 = withChecksum(node6.src, node6.dst, 17, udp(7, 8, 1000));
  const header6 = (offset: number, more: number): number[] => {
    const field = offset | more;
    return [17, 0, field >> 8, field & 255, 0, 0, 0, 9];
  };
  const parts = [
    ip4({ ...node, fragment: 0x2000, payload: sent.subarray(0, 504) }),
    ip4({ ...node, fragment: 63, payload: sent.subarray(504) }),
  ];
  const parts6 = [
    Uint8Array.from([...header6(0, 1), ...sent6.subarray(0, 504)]),
    Uint8Array.from([...header6(504, 0), ...sent6.subarray(504)]),
  ].map((payload) => ip6({ ...node6, nextHeader: 44, payload }));
  const through = (packets: readonly Uint8Array[], headersLength: number): Uint8Array =>
    Uint8Array.from(
      packets.flatMap((packet) => [
        ...bench
          .assertTook(() => fromNode(packet), "stack-to-pod", verdict.ok)
          .packet.subarray(14 + headersLength),
      ]),
    );
  assert.equal(transportChecksum(pod.src, pod.dst, 17, through(parts, 20)), 0);
  assert.equal(transportChecksum(pod6.src, pod6.dst, 17, through(parts6, 48)), 0);
});

test("only the node itself may send to an infrastructure address", () => {
  for (const family of families) {
    const ends = toPodAtNode(family);
    const own = packetOf(family, ends, 17, { payload: udp(1, 2) });
    const other = family === 4 ? "203.0.113.1" : "2001:db8::1";
    const foreign = packetOf(family, { ...ends, src: other }, 17, { payload: udp(1, 2) });
    bench.assertDropped(() => fromNode(foreign), "not-from-node");
    bench.assertDropped(
      () => fromNode(own, podIfindex, { ingressIfindex: uplinkIfindex }),
      "not-from-node",
    );
    bench.assertDropped(() => fromNode(own, lonelyIfindex), "not-from-node");
    const src = atPod[family].pod;
    const ofPod = packetOf(family, { src, dst: ends.dst }, 17, { payload: udp(1, 2) });
    bench.assertDropped(() => fromPod(ofPod, nativeIfindex), "not-from-node");
  }
});

test("what is not for the infrastructure address does not reach a pod of another VRF", () => {
  for (const family of families) {
    const ends = { src: atNode[family].node, dst: atPod[family].pod };
    const crossed = packetOf(family, ends, 17, { payload: udp(1, 2) });
    bench.assertDropped(() => fromNode(crossed), "stack-of-other-vrf");
  }
  const arp = ethernet(podMac, hostMac, ethertype.arp, new Uint8Array(28));
  bench.assertDropped(() => bench.run(bench.programs.toPod, podIfindex, arp), "stack-of-other-vrf");
});

test("a pod of another VRF speaks to its gateway with its own address only", () => {
  for (const family of families) {
    const { node, pod } = atPod[family];
    const send = (src: string, dst: string) => (): Ran =>
      fromPod(packetOf(family, { src, dst }, 17, { payload: udp(1, 2) }));
    bench.assertDropped(send(atNode[family].pod, node), "spoofed-address");
    bench.assertDropped(send(node, pod), "spoofed-address");
    bench.assertDropped(send(pod, atNode[family].node), "no-route");
    const lonely = packetOf(family, { src: pod, dst: node }, 17, { payload: udp(1, 2) });
    bench.assertDropped(() => fromPod(lonely, lonelyIfindex), "no-route");
    bench.assertDropped(() => fromPod(lonely, nativeIfindex), "link-local");
  }
});

test("transports with unknown checksums and extension headers are dropped", () => {
  for (const family of families) {
    const bytes = { payload: new Uint8Array(40) };
    const down = packetOf(family, toPodAtNode(family), 33, bytes);
    bench.assertDropped(() => fromNode(down), "untranslatable");
    const up = packetOf(family, reversed(toPodAtPod(family)), 47, bytes);
    bench.assertDropped(() => fromPod(up), "untranslatable");
  }
  const options = packetOf(6, toPodAtNode(6), 60, { payload: new Uint8Array(40) });
  bench.assertDropped(() => fromNode(options), "untranslatable");
});

test("a transport header that is cut off is dropped", () => {
  for (const family of families) {
    const cut = packetOf(family, toPodAtNode(family), 6, { payload: new Uint8Array(8) });
    bench.assertDropped(() => fromNode(cut), "rewrite-failed");
    const empty = packetOf(family, toPodAtNode(family), family === 4 ? 1 : 58, {
      payload: new Uint8Array(0),
    });
    bench.assertDropped(() => fromNode(empty), "malformed");
  }
});

test("from_uplink drops what is for an infrastructure address, and what claims to be from one", () => {
  const fromUplink = (packet: Uint8Array): Ran => {
    const type = packet[0]! >> 4 === 4 ? ethertype.ip4 : ethertype.ip6;
    const frame = ethernet(uplinkMac, "02:00:00:00:03:01", type, packet);
    return bench.run(bench.programs.fromUplink, uplinkIfindex, frame);
  };
  for (const family of families) {
    const { node, pod } = atNode[family];
    const other = family === 4 ? "203.0.113.1" : "2001:db8::1";
    const send = (src: string, dst: string) => (): Ran =>
      fromUplink(packetOf(family, { src, dst }, 17, { payload: udp(1, 2) }));
    bench.assertDropped(send(other, pod), "not-from-node");
    bench.assertDropped(send(node, pod), "not-from-node");
    bench.assertDropped(send(pod, node), "spoofed-by-uplink");
  }
});
