/**
 * The data plane of a node in a small topology: real packets between pods, the host, two leaves and
 * the outside.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Fd, withNetns } from "@heddle/native";
import { KernelDataplane } from "./kernel-dataplane.ts";
import {
  inNetns,
  nodeAddress,
  nodeInterfaces,
  outside,
  ping,
  podInterface,
  startIn,
  Topology,
} from "./testing/topology.ts";

let topology: Topology;
let dataplane: KernelDataplane;
let pod1: Fd;
let pod2: Fd;

before(() => {
  topology = new Topology();
  dataplane = withNetns(
    topology.node,
    () => new KernelDataplane({ bpffsPath: topology.bpffsPath }),
  );
  pod1 = topology.pod();
  pod2 = topology.pod();
  inNode(() => dataplane.setNode(nodeInterfaces));
  inNode(() => dataplane.attachPod(podInterface(pod1, 1)));
  inNode(() => dataplane.attachPod(podInterface(pod2, 2)));
});

after(() => {
  dataplane?.[Symbol.dispose]();
  topology?.[Symbol.dispose]();
});

function inNode<T>(run: () => T): T {
  return withNetns(topology.node, run);
}

function dropped(): Record<string, bigint> {
  const counts = dataplane.drops().filter(({ packets }) => packets > 0n);
  return Object.fromEntries(counts.map(({ reason, packets }) => [reason, packets]));
}

async function assertPing(netns: Fd, target: string): Promise<void> {
  const { status, output } = await ping(netns, target);
  assert.equal(status, 0, output);
  assert.match(output, / 0% packet loss/);
}

test("pods, host and outside reach each other in both families", async () => {
  for (const family of [4, 6] as const) {
    const ip = family === 4 ? "ip4" : "ip6";
    const prefix = family === 4 ? "10.244.0." : "fd00:10:244::";
    await assertPing(pod1, `${prefix}2`);
    await assertPing(pod2, `${prefix}1`);
    await assertPing(pod1, nodeAddress[ip]);
    await assertPing(topology.node, `${prefix}1`);
    await assertPing(pod1, outside[ip]);
    await assertPing(topology.outside, `${prefix}2`);
  }
});

/** Sends 200 kB over TCP and returns what the server counted. */
async function transfer(server: Fd, client: Fd, address: string): Promise<string> {
  const family = address.includes(":") ? "AF_INET6" : "AF_INET";
  const listen = `
import socket
s = socket.socket(socket.${family}); s.bind(("${address}", 7000)); s.listen()
s.settimeout(10); c, _ = s.accept(); n = 0
while d := c.recv(65536): n += len(d)
print(n)`;
  const connect = `
import socket, time
for i in range(50):
  try: s = socket.create_connection(("${address}", 7000), 2); break
  except ConnectionRefusedError: time.sleep(0.05)
s.sendall(b"x" * 200000); s.close()`;
  const served = startIn(server, "python3", "-c", listen);
  const sent = await startIn(client, "python3", "-c", connect);
  assert.equal(sent.status, 0, sent.output);
  return (await served).output.trim();
}

test("TCP with segmentation offload passes, locally and over the uplink", async () => {
  assert.equal(await transfer(pod2, pod1, "10.244.0.2"), "200000");
  assert.equal(await transfer(pod2, pod1, "fd00:10:244::2"), "200000");
  assert.equal(await transfer(topology.outside, pod1, outside.ip4), "200000");
  assert.equal(await transfer(pod1, topology.outside, "fd00:10:244::1"), "200000");
});

test("traceroute from a pod and to a pod shows the node", async () => {
  const up = await ping(pod1, outside.ip4, "-t", "1");
  assert.match(up.output, /From \S+ icmp_seq=1 Time to live exceeded/);
  assert.match(up.output, new RegExp(`From (${nodeAddress.ip4}|172\\.16\\.[12]\\.0) `));
  const leaf = await ping(pod1, outside.ip4, "-t", "2");
  assert.match(leaf.output, /From 172\.16\.[12]\.1 icmp_seq=1 Time to live exceeded/);
  const up6 = await ping(pod1, outside.ip6, "-t", "1");
  assert.match(up6.output, /From fd00:\S+ icmp_seq=1 Time exceeded: Hop limit/);
  const local = await ping(pod1, "10.244.0.2", "-t", "1");
  assert.match(local.output, /Time to live exceeded/);
  const down = await ping(topology.outside, "10.244.0.1", "-t", "2");
  assert.match(down.output, /Time to live exceeded/);
});

function setUplinkMtu(mtu: number): void {
  for (const [netns, link] of [
    [topology.node, "up1"],
    [topology.node, "up2"],
    [topology.leaf1, "south"],
    [topology.leaf2, "south"],
  ] as const) {
    inNetns(netns, "ip", "link", "set", link, "mtu", String(mtu));
  }
}

test("a pod learns the path MTU of an uplink from the node", async () => {
  setUplinkMtu(1400);
  try {
    const v4 = await ping(pod1, outside.ip4, "-M", "do", "-s", "1450");
    assert.match(v4.output, /Frag needed and DF set \(mtu = 1400\)|message too long, mtu=1400/);
    const v6 = await ping(pod1, outside.ip6, "-M", "do", "-s", "1430");
    assert.match(v6.output, /Packet too big: mtu=1400|message too long, mtu=1400/);
    const fits = await ping(pod1, outside.ip4, "-M", "do", "-s", "1372");
    assert.match(fits.output, / 0% packet loss/);
    const fragmented = await ping(pod2, outside.ip4, "-M", "dont", "-s", "1450");
    assert.match(fragmented.output, / 0% packet loss/);
  } finally {
    setUplinkMtu(1500);
  }
});

/** Packets that a leaf has had from the node. */
function received(leaf: Fd): number {
  const [link] = JSON.parse(inNetns(leaf, "ip", "-json", "-s", "link", "show", "south"));
  return link.stats64.rx.packets;
}

test("flows of a pod spread over both uplinks by their ports", async () => {
  for (const address of [outside.ip4, outside.ip6]) {
    const family = address.includes(":") ? "AF_INET6" : "AF_INET";
    const send = `
import socket
for p in range(20000, 20064):
  s = socket.socket(socket.${family}, socket.SOCK_DGRAM); s.bind(("", p))
  s.sendto(b"x", ("${address}", 9))`;
    const before = [received(topology.leaf1), received(topology.leaf2)] as const;
    const sent = await startIn(pod1, "python3", "-c", send);
    assert.equal(sent.status, 0, sent.output);
    const first = received(topology.leaf1) - before[0];
    const second = received(topology.leaf2) - before[1];
    assert.ok(first >= 8 && second >= 8, `${first} and ${second} packets`);
  }
});

test("an address of the block that no pod has is unreachable for all", async () => {
  // A pod of its own: the kernel limits the errors that one address gets.
  const netns = topology.pod();
  inNode(() => dataplane.attachPod(podInterface(netns, 6)));
  const inside = await ping(netns, "10.244.0.60");
  assert.match(inside.output, /Destination Host Unreachable/);
  const from = await ping(topology.outside, "10.244.0.60");
  assert.match(from.output, /Destination Host Unreachable/);
  const inside6 = await ping(netns, "fd00:10:244::3c");
  assert.match(inside6.output, /unreachable/i);
  inNode(() => dataplane.detachPod("hv6"));
});

test("fragments pass whole datagrams in both directions", async () => {
  for (const [from, to] of [
    [pod1, outside.ip4],
    [pod1, outside.ip6],
  ] as const) {
    const { output } = await ping(from, to, "-s", "4000");
    assert.match(output, / 0% packet loss/);
  }
  const down = await ping(topology.outside, "10.244.0.2", "-s", "4000");
  assert.match(down.output, / 0% packet loss/);
});

test("a pod whose neighbor entries are gone finds its gateway again", async () => {
  inNetns(pod1, "ip", "neigh", "del", "169.254.1.1", "dev", "eth0");
  inNetns(pod1, "ip", "-6", "neigh", "del", "fe80::1", "dev", "eth0");
  await assertPing(pod1, outside.ip4);
  await assertPing(pod1, outside.ip6);
  const again = inNode(() => dataplane.attachPod(podInterface(pod1, 1)));
  assert.equal(again.hostIfname, "hv1");
});

test("a pod that spoofs is heard by nobody", async () => {
  const before = dropped()["spoofed-address"] ?? 0n;
  inNetns(pod1, "ip", "addr", "add", "10.244.0.9/32", "dev", "eth0");
  const { output } = await ping(pod1, outside.ip4, "-I", "10.244.0.9", "-W", "1");
  inNetns(pod1, "ip", "addr", "del", "10.244.0.9/32", "dev", "eth0");
  assert.match(output, / 100% packet loss/);
  const spoofed = dropped()["spoofed-address"];
  assert.equal(spoofed, before + 3n);
});

test("pods of two VRFs may have the same addresses and do not meet", async () => {
  const [a, b] = [topology.pod(), topology.pod()];
  inNode(() => dataplane.attachPod({ ...podInterface(a, 1, 7), hostIfname: "hv71" }));
  inNode(() => dataplane.attachPod({ ...podInterface(b, 2, 7), hostIfname: "hv72" }));
  inNetns(b, "ip", "link", "set", "eth0", "down");
  await assertPing(pod1, "10.244.0.2");
  const { output } = await ping(a, "10.244.0.2", "-W", "1");
  assert.match(output, / 100% packet loss/);
  inNetns(b, "ip", "link", "set", "eth0", "up");
  inNode(() => dataplane.attachPod({ ...podInterface(b, 2, 7), hostIfname: "hv72" }));
  await assertPing(a, "10.244.0.2");
  await assertPing(a, "fd00:10:244::2");
  const far = await ping(a, outside.ip4, "-W", "1");
  assert.match(far.output, / 100% packet loss/);
  for (const hostIfname of ["hv71", "hv72"]) inNode(() => dataplane.detachPod(hostIfname));
  await assertPing(pod1, "10.244.0.2");
});

test("checkPod() finds nothing on a right pod and names what is wrong", () => {
  const pod = podInterface(pod2, 2);
  assert.deepEqual(
    inNode(() => dataplane.checkPod(pod)),
    [],
  );
  const other = { ...pod, mac: podInterface(pod1, 3).mac };
  const sentences = inNode(() => dataplane.checkPod(other)).join("; ");
  assert.match(sentences, /interface entry is hv2 .*, want hv2/);
  assert.match(sentences, /route to hv2 is missing or leads elsewhere/);
});

test("attaching again changes nothing, detaching twice succeeds", async () => {
  const netns = topology.pod();
  const pod = podInterface(netns, 5);
  const first = inNode(() => dataplane.attachPod(pod));
  const second = inNode(() => dataplane.attachPod(pod));
  assert.deepEqual(second, first);
  await assertPing(netns, outside.ip4);
  inNode(() => dataplane.detachPod("hv5"));
  inNode(() => dataplane.detachPod("hv5"));
  const names = inNode(() => dataplane.observePods()).map(({ hostIfname }) => hostIfname);
  assert.deepEqual(names.sort(), ["hv1", "hv2"]);
  const { output } = await ping(pod1, "10.244.0.5", "-W", "1");
  assert.match(output, / 100% packet loss/);
});

test("nothing was dropped for a reason that no test asked for", () => {
  const reasons = Object.keys(dropped()).sort();
  const expected = ["multicast", "no-route", "no-vif", "spoofed-address", "stack-of-other-vrf"];
  assert.deepEqual(
    reasons.filter((reason) => !expected.includes(reason)),
    [],
  );
});
