/**
 * Scenarios for the eBPF programs by BPF_PROG_TEST_RUN: one packet in, verdict, packet and counters
 * out.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  defaultPrefix,
  type Ifindex,
  ipToBytes,
  macToBytes,
  parseIfindex,
  parseIp,
  parseMac,
} from "@heddle/inet";
import { createNetns, type Fd, withNetns } from "@heddle/native";
import { newAddress, newLink, newRoute, Rtnetlink, setLink } from "@heddle/netlink";
import { type Route, routeAction } from "./gen/heddle.gen.ts";
import {
  arp,
  checksum,
  ethernet,
  ethertype,
  icmp6Checksum,
  ip4,
  ip6,
  neighborSolicit,
  udp,
} from "./testing/packets.ts";
import { emptyVif, ProgramBench, plainRoute, type Ran, verdict } from "./testing/program-bench.ts";

const pod = { mac: "02:00:00:00:00:01", ip4: "10.244.0.1", ip6: "fd00:10:244::1" };
const other = { mac: "02:00:00:00:00:02", ip4: "10.244.0.2", ip6: "fd00:10:244::2" };
const hostMac = "02:00:00:00:01:00";
const otherHostMac = "02:00:00:00:02:00";
const uplinkMac = "02:00:00:00:03:00";
const routerMac = "02:00:00:00:03:01";
const vrf7 = 7;

const hostIfindex = parseIfindex(11);
const vrfIfindex = parseIfindex(12);
const uplinkIfindex = parseIfindex(13);
const unknownIfindex = parseIfindex(14);

let netns: Fd;
let bench: ProgramBench;
const owned = new DisposableStack();

function addLinks(rtnetlink: Rtnetlink): void {
  const links: [Ifindex, string, string][] = [
    [hostIfindex, "hv1", hostMac],
    [vrfIfindex, "hv2", hostMac],
    [uplinkIfindex, "up0", uplinkMac],
    [unknownIfindex, "hv9", hostMac],
  ];
  for (const [ifindex, name, mac] of links) {
    const peer = { name: `${name}p` };
    rtnetlink.execute([
      newLink({ name, ifindex, up: true, mac: parseMac(mac), kind: { name: "veth", peer } }),
      setLink({ name: peer.name }, { up: true }),
    ]);
  }
  rtnetlink.execute([
    newAddress({ ifindex: uplinkIfindex, address: parseIp("172.16.0.1"), prefixLength: 31 }),
    newAddress({
      ifindex: uplinkIfindex,
      address: parseIp("fd00:172::1"),
      prefixLength: 127,
      flags: 2,
    }),
    newAddress({ ifindex: uplinkIfindex, address: parseIp("169.254.20.10"), prefixLength: 32 }),
    ...[parseIp("172.16.0.0"), parseIp("fd00:172::")].map((via) =>
      newRoute({
        prefix: defaultPrefix(typeof via === "number" ? 4 : 6),
        protocol: 4,
        nexthops: [{ via, ifindex: uplinkIfindex }],
      }),
    ),
  ]);
}

function fillMaps(): void {
  for (const [ifindex, vrf] of [
    [hostIfindex, 0],
    [vrfIfindex, vrf7],
  ] as const) {
    bench.vifs.set(ifindex, {
      ...emptyVif,
      vrf,
      address4: Number(parseIp(pod.ip4)),
      address6: ipToBytes(parseIp(pod.ip6)),
      mac: macToBytes(parseMac(pod.mac)),
      hostMac: macToBytes(parseMac(hostMac)),
    });
  }
  const local: Route = {
    action: routeAction.local,
    ifindex: unknownIfindex,
    mac: macToBytes(parseMac(other.mac)),
    hostMac: macToBytes(parseMac(otherHostMac)),
  };
  for (const vrf of [0, vrf7]) {
    bench.putRoute(vrf, `${other.ip4}/32`, local);
    bench.putRoute(vrf, `${other.ip6}/128`, local);
  }
  bench.putRoute(0, "0.0.0.0/0", plainRoute("fib"));
  bench.putRoute(0, "::/0", plainRoute("fib"));
  bench.putRoute(0, "10.244.0.0/26", plainRoute("stack"));
  bench.putRoute(0, "198.51.100.0/24", plainRoute("blackhole"));
  bench.putRoute(vrf7, "10.244.9.0/24", plainRoute("fib"));
}

before(() => {
  netns = owned.use(createNetns());
  using rtnetlink = new Rtnetlink(netns);
  withNetns(netns, () => {
    writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
    writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
  });
  addLinks(rtnetlink);
  bench = owned.use(new ProgramBench(netns));
  fillMaps();
});

after(() => owned.dispose());

const fromPod = (payload: Uint8Array, type: number, ifindex = hostIfindex, gso = 0): Ran =>
  bench.run(bench.programs.fromPod, ifindex, ethernet(hostMac, pod.mac, type, payload), {
    gsoSize: gso,
  });
const fromPod4 = (fields: Partial<Parameters<typeof ip4>[0]> = {}, ifindex = hostIfindex): Ran =>
  fromPod(
    ip4({ src: pod.ip4, dst: "203.0.113.1", payload: udp(1, 2), ...fields }),
    ethertype.ip4,
    ifindex,
  );
const fromPod6 = (fields: Partial<Parameters<typeof ip6>[0]> = {}, ifindex = hostIfindex): Ran =>
  fromPod(
    ip6({ src: pod.ip6, dst: "2001:db8::1", payload: udp(1, 2), ...fields }),
    ethertype.ip6,
    ifindex,
  );
const fromUplink = (payload: Uint8Array, type: number, dst = uplinkMac): Ran =>
  bench.run(bench.programs.fromUplink, uplinkIfindex, ethernet(dst, routerMac, type, payload));

const hex = (bytes: Uint8Array): string => bytes.toHex();
const mac = (text: string): string => text.replaceAll(":", "");

test("from_pod delivers IPv4 to a local pod with a lower TTL and a right checksum", () => {
  const { packet } = bench.assertTook(
    () => fromPod4({ dst: other.ip4 }),
    "pod-to-pod",
    verdict.redirect,
  );
  assert.equal(hex(packet.subarray(0, 12)), mac(other.mac) + mac(otherHostMac));
  assert.equal(packet[14 + 8], 63);
  assert.equal(checksum(packet.subarray(14, 34)), 0);
});

test("from_pod delivers IPv6 to a local pod with a lower hop limit", () => {
  const { packet } = bench.assertTook(
    () => fromPod6({ dst: other.ip6 }),
    "pod-to-pod",
    verdict.redirect,
  );
  assert.equal(hex(packet.subarray(0, 12)), mac(other.mac) + mac(otherHostMac));
  assert.equal(packet[14 + 7], 63);
});

test("from_pod sends what is not local to the uplink", () => {
  const v4 = bench.assertTook(() => fromPod4(), "pod-to-uplink", verdict.redirect);
  assert.equal(v4.packet[14 + 8], 63);
  const v6 = bench.assertTook(() => fromPod6(), "pod-to-uplink", verdict.redirect);
  assert.equal(v6.packet[14 + 7], 63);
});

test("from_pod leaves a used up TTL, IP options and hop-by-hop options to the stack", () => {
  for (const ttl of [0, 1]) {
    const { packet } = bench.assertTook(() => fromPod4({ ttl }), "pod-to-stack", verdict.ok);
    assert.equal(packet[14 + 8], ttl);
    bench.assertTook(() => fromPod6({ hopLimit: ttl }), "pod-to-stack", verdict.ok);
  }
  bench.assertTook(() => fromPod4({ ttl: 1, dst: other.ip4 }), "pod-to-stack", verdict.ok);
  bench.assertTook(() => fromPod4({ options: [1, 1, 1, 0] }), "pod-to-stack", verdict.ok);
  bench.assertTook(() => fromPod6({ nextHeader: 0 }), "pod-to-stack", verdict.ok);
});

test("from_pod leaves what exceeds the path MTU to the stack", () => {
  const payload = udp(1, 2, 1600);
  bench.assertTook(() => fromPod4({ payload }), "pod-to-stack", verdict.ok);
  bench.assertTook(() => fromPod6({ payload }), "pod-to-stack", verdict.ok);
  bench.assertTook(() => fromPod4({ payload: udp(1, 2, 1472) }), "pod-to-uplink", verdict.redirect);
});

test("from_pod judges a GSO packet by its segments", () => {
  const large = ip4({ src: pod.ip4, dst: "203.0.113.1", payload: udp(1, 2, 1900) });
  const sized = (gso: number) => (): Ran => fromPod(large, ethertype.ip4, hostIfindex, gso);
  bench.assertTook(sized(1472), "pod-to-uplink", verdict.redirect);
  bench.assertTook(sized(1473), "pod-to-stack", verdict.ok);
});

test("from_pod forwards fragments", () => {
  const more = bench.assertTook(
    () => fromPod4({ fragment: 0x2000 }),
    "pod-to-uplink",
    verdict.redirect,
  );
  assert.equal(more.packet[14 + 8], 63);
  bench.assertTook(
    () => fromPod4({ fragment: 100, dst: other.ip4 }),
    "pod-to-pod",
    verdict.redirect,
  );
});

test("from_pod gives addresses of the host and unassigned ones of own blocks to the stack", () => {
  bench.assertTook(() => fromPod4({ dst: "172.16.0.1" }), "pod-to-stack", verdict.ok);
  bench.assertTook(() => fromPod6({ dst: "fd00:172::1" }), "pod-to-stack", verdict.ok);
  bench.assertTook(() => fromPod4({ dst: "10.244.0.60" }), "pod-to-stack", verdict.ok);
});

test("from_pod drops what a pod must not send", () => {
  bench.assertDropped(() => fromPod4({ src: "10.244.0.99" }), "spoofed-address");
  bench.assertDropped(() => fromPod4({ src: "0.0.0.0" }), "spoofed-address");
  bench.assertDropped(() => fromPod6({ src: "fd00:10:244::99" }), "spoofed-address");
  bench.assertDropped(() => fromPod6({ src: "::" }), "spoofed-address");
  bench.assertDropped(() => fromPod6({ src: "fe80::5" }), "spoofed-address");
  bench.assertDropped(() => fromPod4({ dst: "224.0.0.1" }), "multicast");
  bench.assertDropped(() => fromPod4({ dst: "255.255.255.255" }), "multicast");
  bench.assertDropped(() => fromPod6({ dst: "ff02::2" }), "multicast");
  bench.assertDropped(() => fromPod4({ dst: "127.0.0.1" }), "bad-destination");
  bench.assertDropped(() => fromPod6({ dst: "::1" }), "bad-destination");
  bench.assertDropped(() => fromPod6({ dst: "fe80::9" }), "link-local");
  bench.assertDropped(() => fromPod4({ dst: "198.51.100.7" }), "blackhole");
});

test("from_pod drops link-local IPv4 unless the host serves on it", () => {
  bench.assertDropped(() => fromPod4({ dst: "169.254.169.254" }), "link-local");
  bench.assertTook(() => fromPod4({ dst: "169.254.20.10" }), "pod-to-stack", verdict.ok);
});

test("from_pod drops foreign Ethernet addresses, tags, other protocols and broken headers", () => {
  const payload = ip4({ src: pod.ip4, dst: other.ip4, payload: udp(1, 2) });
  const send =
    (dst: string, src: string, type: number, bytes = payload) =>
    (): Ran =>
      bench.run(bench.programs.fromPod, hostIfindex, ethernet(dst, src, type, bytes));
  bench.assertDropped(send(hostMac, other.mac, ethertype.ip4), "spoofed-mac");
  bench.assertDropped(send(other.mac, pod.mac, ethertype.ip4), "not-for-gateway");
  bench.assertDropped(send(hostMac, pod.mac, 0x88cc), "not-ip");
  const tag = Uint8Array.from([0, 5, 8, 0, ...payload]);
  bench.assertDropped(send(hostMac, pod.mac, ethertype.vlan, tag), "vlan");
  bench.assertDropped(send(hostMac, pod.mac, ethertype.ip4, payload.with(0, 0x44)), "malformed");
  bench.assertDropped(send(hostMac, pod.mac, ethertype.ip6, payload), "malformed");
  bench.assertDropped(send(hostMac, pod.mac, ethertype.ip4, payload.slice(0, -4)), "malformed");
  const v6 = ip6({ src: pod.ip6, dst: other.ip6, payload: udp(1, 2) });
  bench.assertDropped(send(hostMac, pod.mac, ethertype.ip6, v6.slice(0, -4)), "malformed");
});

test("every program drops what comes from or goes to an unknown interface", () => {
  const packet = ethernet(
    hostMac,
    pod.mac,
    ethertype.ip4,
    ip4({ src: pod.ip4, dst: other.ip4, payload: udp(1, 2) }),
  );
  bench.assertDropped(() => bench.run(bench.programs.fromPod, unknownIfindex, packet), "no-vif");
  bench.assertDropped(() => bench.run(bench.programs.toPod, unknownIfindex, packet), "no-vif");
});

test("from_pod keeps VRFs apart", () => {
  bench.assertTook(() => fromPod4({ dst: other.ip4 }, vrfIfindex), "pod-to-pod", verdict.redirect);
  bench.assertTook(() => fromPod6({ dst: other.ip6 }, vrfIfindex), "pod-to-pod", verdict.redirect);
  bench.assertDropped(() => fromPod4({}, vrfIfindex), "no-route");
  bench.assertDropped(() => fromPod6({}, vrfIfindex), "no-route");
  bench.assertDropped(() => fromPod4({ dst: other.ip4, ttl: 1 }, vrfIfindex), "stack-of-other-vrf");
  bench.assertDropped(() => fromPod4({ dst: "10.244.9.1" }, vrfIfindex), "stack-of-other-vrf");
});

test("to_pod passes the host's packets in the native VRF only", () => {
  const packet = ethernet(
    pod.mac,
    hostMac,
    ethertype.ip4,
    ip4({ src: "172.16.0.1", dst: pod.ip4, payload: udp(1, 2) }),
  );
  const solicit = neighborSolicit("fe80::7", pod.ip6, pod.ip6, hostMac);
  const discovery = ethernet(pod.mac, hostMac, ethertype.ip6, solicit);
  bench.assertTook(
    () => bench.run(bench.programs.toPod, hostIfindex, packet),
    "stack-to-pod",
    verdict.ok,
  );
  bench.assertTook(
    () => bench.run(bench.programs.toPod, hostIfindex, discovery),
    "stack-to-pod",
    verdict.ok,
  );
  bench.assertDropped(
    () => bench.run(bench.programs.toPod, vrfIfindex, packet),
    "stack-of-other-vrf",
  );
});

test("from_pod answers ARP for the gateway", () => {
  const request = arp({
    operation: 1,
    senderMac: pod.mac,
    senderIp: pod.ip4,
    targetIp: "169.254.1.1",
  });
  const { packet } = bench.assertTook(
    () => fromPod(request, ethertype.arp),
    "neighbor-reply",
    verdict.redirect,
  );
  const want =
    mac(pod.mac) +
    mac(hostMac) +
    "0806" +
    "0001080006040002" +
    mac(hostMac) +
    "a9fe0101" +
    mac(pod.mac) +
    "0af40001";
  assert.equal(hex(packet.subarray(0, 42)), want);
});

test("from_pod answers an ARP probe for the gateway, drops other targets and false senders", () => {
  const send =
    (senderMac: string, senderIp: string, targetIp: string, operation: 1 | 2 = 1) =>
    (): Ran =>
      fromPod(arp({ operation, senderMac, senderIp, targetIp }), ethertype.arp);
  bench.assertTook(send(pod.mac, "0.0.0.0", "169.254.1.1"), "neighbor-reply", verdict.redirect);
  bench.assertTook(send(pod.mac, pod.ip4, "172.16.0.1", 2), "pod-to-stack", verdict.ok);
  bench.assertDropped(send(pod.mac, pod.ip4, "10.244.0.2"), "arp-target");
  bench.assertDropped(send(pod.mac, pod.ip4, pod.ip4), "arp-target");
  bench.assertDropped(send(pod.mac, "10.244.0.9", "169.254.1.1"), "spoofed-address");
  bench.assertDropped(send(other.mac, pod.ip4, "169.254.1.1"), "spoofed-mac");
});

function assertAdvert(packet: Uint8Array, dst: string, dstMac: string, flags: number): void {
  assert.equal(packet.length, 14 + 40 + 32);
  assert.equal(hex(packet.subarray(0, 14)), `${mac(dstMac)}${mac(hostMac)}86dd`);
  assert.equal(hex(packet.subarray(14, 22)), "6000000000203aff");
  assert.equal(hex(packet.subarray(22, 38)), hex(ipToBytes(parseIp("fe80::1"))));
  assert.equal(hex(packet.subarray(38, 54)), hex(ipToBytes(parseIp(dst))));
  const message = packet.subarray(54);
  assert.equal(icmp6Checksum("fe80::1", dst, message), 0);
  assert.deepEqual([message[0], message[1], message[4]], [136, 0, flags]);
  assert.equal(hex(message.subarray(8, 24)), hex(ipToBytes(parseIp("fe80::1"))));
  assert.equal(hex(message.subarray(24)), `0201${mac(hostMac)}`);
}

test("from_pod answers neighbor solicitations for the gateway", () => {
  for (const src of [pod.ip6, "fe80::5"]) {
    const solicit = neighborSolicit(src, "ff02::1:ff00:1", "fe80::1", pod.mac);
    const ran = (): Ran => fromPod(solicit, ethertype.ip6);
    const { packet } = bench.assertTook(ran, "neighbor-reply", verdict.redirect);
    assertAdvert(packet, src, pod.mac, 0xe0);
  }
});

test("from_pod defends the gateway against a probe for a duplicate", () => {
  const probe = neighborSolicit("::", "ff02::1:ff00:1", "fe80::1", pod.mac);
  const { packet } = bench.assertTook(
    () => fromPod(probe, ethertype.ip6),
    "neighbor-reply",
    verdict.redirect,
  );
  assertAdvert(packet, "ff02::1", pod.mac, 0xa0);
});

test("from_pod lets a pod probe its own address and answer the host", () => {
  const own = neighborSolicit("::", "ff02::1:ff00:5", "fe80::5", pod.mac);
  bench.assertTook(() => fromPod(own, ethertype.ip6), "pod-to-stack", verdict.ok);
  const gratuitous = neighborSolicit(pod.ip6, "fe80::7", "fe80::7", pod.mac);
  bench.assertTook(() => fromPod(gratuitous, ethertype.ip6), "pod-to-stack", verdict.ok);
});

test("from_pod drops neighbor discovery with a false source or a global destination", () => {
  const send = (src: string, dst: string, target: string) => (): Ran =>
    fromPod(neighborSolicit(src, dst, target, pod.mac), ethertype.ip6);
  bench.assertDropped(send("fe80::1", "ff02::1:ff00:1", "fe80::9"), "spoofed-address");
  bench.assertDropped(send(other.ip6, "ff02::1:ff00:1", "fe80::1"), "spoofed-address");
  bench.assertDropped(send(pod.ip6, other.ip6, other.ip6), "link-local");
});

test("from_uplink delivers to local pods and leaves the rest to the stack", () => {
  const v4 = ip4({ src: "203.0.113.1", dst: other.ip4, payload: udp(1, 2) });
  const v6 = ip6({ src: "2001:db8::1", dst: other.ip6, payload: udp(1, 2) });
  for (const [payload, type] of [
    [v4, ethertype.ip4],
    [v6, ethertype.ip6],
  ] as const) {
    const ran = (): Ran => fromUplink(payload, type);
    const { packet } = bench.assertTook(ran, "uplink-to-pod", verdict.redirect);
    assert.equal(hex(packet.subarray(0, 12)), mac(other.mac) + mac(otherHostMac));
    assert.equal(fromUplink(payload, type, otherHostMac).verdict, verdict.unspec);
  }
  const unassigned = ip4({ src: "203.0.113.1", dst: "10.244.0.60", payload: udp(1, 2) });
  assert.equal(fromUplink(unassigned, ethertype.ip4).verdict, verdict.unspec);
  const expired = ip4({ src: "203.0.113.1", dst: other.ip4, ttl: 1, payload: udp(1, 2) });
  assert.equal(fromUplink(expired, ethertype.ip4).verdict, verdict.unspec);
  assert.equal(fromUplink(new Uint8Array(40), 0x88cc).verdict, verdict.unspec);
});

test("from_uplink drops packets that claim to come from a pod of this node", () => {
  const v4 = ip4({ src: other.ip4, dst: "172.16.0.1", payload: udp(1, 2) });
  bench.assertDropped(() => fromUplink(v4, ethertype.ip4), "spoofed-by-uplink");
  const v6 = ip6({ src: other.ip6, dst: other.ip6, payload: udp(1, 2) });
  bench.assertDropped(() => fromUplink(v6, ethertype.ip6), "spoofed-by-uplink");
});
