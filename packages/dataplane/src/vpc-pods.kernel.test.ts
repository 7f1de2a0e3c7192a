/**
 * Pods of two VRFs and of the native one with the same addresses, on one node: the node reaches
 * each by its infrastructure address, each reaches the node by its gateway, and nobody meets
 * anybody else.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parseIp, parseVrfId } from "@heddle/inet";
import { type Fd, withNetns } from "@heddle/native";
import type { NodeInterfaces, PodInterface } from "./dataplane.ts";
import { KernelDataplane } from "./kernel-dataplane.ts";
import {
  blocks,
  inNetns,
  nodeAddress,
  nodeInterfaces,
  outside,
  ping,
  podInterface,
  startIn,
  Topology,
} from "./testing/topology.ts";

const red = 7;
const blue = 8;

/** The same prefixes in three VRFs. */
const node: NodeInterfaces = {
  ...nodeInterfaces,
  blocks: [0, red, blue].flatMap((vrf) =>
    blocks.map(({ prefix }) => ({ vrf: parseVrfId(vrf), prefix })),
  ),
  nodeAddresses: [parseIp(nodeAddress.ip4), parseIp(nodeAddress.ip6)],
};

let topology: Topology;
let dataplane: KernelDataplane;
const namespaces = new Map<string, Fd>();

/** Infrastructure addresses by pod. */
const infrastructure = {
  red1: ["10.244.0.41", "fd00:10:244::29"],
  blue1: ["10.244.0.42", "fd00:10:244::2a"],
  blue2: ["10.244.0.43", "fd00:10:244::2b"],
} as const;
type VpcPod = keyof typeof infrastructure;

const vpcPods = ["red1", "blue1", "blue2"] as const;

const native1 = (): PodInterface => podInterface(netnsOf("native1"), 1);

function vpcPod(name: VpcPod): PodInterface {
  const vrf = name.startsWith("red") ? red : blue;
  return {
    ...podInterface(netnsOf(name), Number(name.at(-1)), vrf),
    hostIfname: `hv${name}`,
    infrastructureAddresses: infrastructure[name].map(parseIp),
  };
}

before(() => {
  topology = new Topology();
  for (const name of ["native1", "native2", ...Object.keys(infrastructure)]) {
    namespaces.set(name, topology.pod());
  }
  dataplane = newDataplane();
  inNode(() => dataplane.setNode(node));
  inNode(() => dataplane.attachPod(native1()));
  inNode(() => dataplane.attachPod(podInterface(netnsOf("native2"), 2)));
  for (const name of vpcPods) inNode(() => dataplane.attachPod(vpcPod(name)));
});

after(() => {
  dataplane?.[Symbol.dispose]();
  topology?.[Symbol.dispose]();
});

function newDataplane(): KernelDataplane {
  const { bpffsPath } = topology;
  return withNetns(topology.node, () => new KernelDataplane({ bpffsPath }));
}

function netnsOf(name: string): Fd {
  const netns = namespaces.get(name);
  assert.ok(netns !== undefined);
  return netns;
}

function inNode<T>(run: () => T): T {
  return withNetns(topology.node, run);
}

function dropCount(reason: string): bigint {
  const found = dataplane.drops().find((count) => count.reason === reason);
  return found === undefined ? 0n : found.packets;
}

async function assertPing(netns: Fd, target: string, ...options: string[]): Promise<void> {
  const { status, output } = await ping(netns, target, ...options);
  assert.equal(status, 0, output);
  assert.match(output, / 0% packet loss/);
}

async function assertSilence(netns: Fd, target: string, reason: string): Promise<void> {
  const dropped = dropCount(reason);
  const { output } = await ping(netns, target, "-W", "0.3");
  assert.match(output, / 100% packet loss/);
  // A sender on the node itself learns that nothing was sent, and ping then tries again.
  const isLocal = netns === topology.node;
  const count = dropCount(reason) - dropped;
  assert.ok(isLocal ? count >= 3n : count === 3n, `${target}: ${count} packets for ${reason}`);
}

const python = (netns: Fd, script: string): ReturnType<typeof startIn> =>
  startIn(netns, "python3", "-c", script);

/**
 * Serves one request at every address of the namespace and then ends: over TCP it takes 200 kB,
 * over UDP one datagram; it answers with its name and the peer's address.
 */
function serveOnce(netns: Fd, name: string, kind: "tcp" | "udp"): ReturnType<typeof startIn> {
  const serve =
    kind === "tcp"
      ? `
s = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True)
s.settimeout(10); c, peer = s.accept(); n = 0
while n < 200000: n += len(c.recv(65536))
c.sendall(("x" * 200000 + "${name} " + peer[0]).encode()); c.close()`
      : `
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", 7000)); s.settimeout(10)
d, peer = s.recvfrom(9999); s.sendto(("${name} " + peer[0]).encode(), peer)`;
  return python(netns, `import socket${serve}`);
}

/** What the server at `address` has answered, as one line. */
async function ask(netns: Fd, address: string, kind: "tcp" | "udp"): Promise<string> {
  const talk =
    kind === "tcp"
      ? `
    s = socket.create_connection((address, 7000), 2)
    s.sendall(b"x" * 200000); text = b""
    while d := s.recv(65536): text += d
    print(len(text) - len(text.lstrip(b"x")), text.lstrip(b"x").decode()); break`
      : `
    s = socket.socket(info[0], socket.SOCK_DGRAM); s.settimeout(2); s.connect(info[4])
    s.send(b"x" * 3000); print(s.recv(9999).decode()); break`;
  const { output } = await python(
    netns,
    `
import socket, time
address = "${address}"
info = socket.getaddrinfo(address, 7000)[0]
for i in range(60):
  try:${talk}
  except ConnectionRefusedError: time.sleep(0.05)`,
  );
  return output.trim();
}

test("the node reaches each pod by its infrastructure addresses, with ICMP and fragments", async () => {
  for (const name of vpcPods) {
    for (const address of infrastructure[name]) {
      await assertPing(topology.node, address);
      await assertPing(topology.node, address, "-s", "4000");
    }
  }
});

test("TCP and UDP from the node end at the right pod, which sees its gateway", async () => {
  for (const [i, gateway] of ["::ffff:169.254.1.1", "fe80::1"].entries()) {
    for (const name of vpcPods) {
      const address = infrastructure[name][i]!;
      const tcp = serveOnce(netnsOf(name), name, "tcp");
      assert.equal(await ask(topology.node, address, "tcp"), `200000 ${name} ${gateway}`);
      assert.equal((await tcp).status, 0);
      const udp = serveOnce(netnsOf(name), name, "udp");
      assert.equal(await ask(topology.node, address, "udp"), `${name} ${gateway}`);
      assert.equal((await udp).status, 0);
    }
  }
});

test("a pod reaches the node by its gateway, which sees the infrastructure address", async () => {
  for (const [i, gateway] of ["169.254.1.1", "fe80::1%eth0"].entries()) {
    for (const name of vpcPods) {
      const seen = i === 0 ? `::ffff:${infrastructure[name][0]}` : infrastructure[name][1];
      await assertPing(netnsOf(name), gateway);
      for (const kind of ["tcp", "udp"] as const) {
        const server = serveOnce(topology.node, "node", kind);
        const answer = await ask(netnsOf(name), gateway, kind);
        assert.equal(answer, kind === "tcp" ? `200000 node ${seen}` : `node ${seen}`);
        assert.equal((await server).status, 0);
      }
    }
  }
});

test("a port that is closed is told, in both directions", async () => {
  const knock = (netns: Fd, address: string): ReturnType<typeof startIn> =>
    python(
      netns,
      `
import socket
info = socket.getaddrinfo("${address}", 9)[0]
s = socket.socket(info[0], socket.SOCK_DGRAM); s.settimeout(2); s.connect(info[4]); s.send(b"x")
try: s.recv(1)
except ConnectionRefusedError: print("refused")`,
    );
  for (const address of infrastructure.red1) {
    assert.equal((await knock(topology.node, address)).output.trim(), "refused", address);
  }
  for (const gateway of ["169.254.1.1", "fe80::1%eth0"]) {
    assert.equal((await knock(netnsOf("red1"), gateway)).output.trim(), "refused", gateway);
  }
});

test("pods of one VRF meet, and no others, although all have the same addresses", async () => {
  await assertPing(netnsOf("native1"), "10.244.0.2");
  await assertPing(netnsOf("blue1"), "10.244.0.2");
  await assertPing(netnsOf("blue2"), "fd00:10:244::1");
  await assertSilence(netnsOf("red1"), "10.244.0.2", "blackhole");
  await assertSilence(netnsOf("red1"), "fd00:10:244::2", "blackhole");
});

test("nobody but the node reaches an infrastructure address", async () => {
  for (const address of infrastructure.blue1) {
    await assertSilence(netnsOf("native1"), address, "not-from-node");
    await assertSilence(topology.outside, address, "not-from-node");
    await assertSilence(netnsOf("red1"), address, "blackhole");
  }
  const source = ["-I", "172.16.1.0"];
  const { output } = await ping(topology.node, infrastructure.blue1[0], "-W", "0.3", ...source);
  assert.match(output, / 100% packet loss/);
});

test("what has no route in its VRF is dropped and never leaves the node", async () => {
  for (const target of [outside.ip4, outside.ip6, nodeAddress.ip4, nodeAddress.ip6]) {
    await assertSilence(netnsOf("red1"), target, "no-route");
  }
});

test("the main table leads to infrastructure addresses only, and blocks of VRFs are not in it", () => {
  const routes = JSON.parse(inNetns(topology.node, "ip", "-json", "route", "show", "proto", "72"));
  const shown = routes.map(
    (route: { type?: string; dst: string; dev?: string; prefsrc?: string }) =>
      [route.type, route.dst, route.dev, route.prefsrc]
        .filter((part) => part !== undefined)
        .join(" "),
  );
  assert.deepEqual(shown.sort(), [
    "10.244.0.1 hv1",
    "10.244.0.2 hv2",
    "10.244.0.41 hvred1 192.0.2.1",
    "10.244.0.42 hvblue1 192.0.2.1",
    "10.244.0.43 hvblue2 192.0.2.1",
    "unreachable 10.244.0.0/26",
  ]);
  const inside = inNetns(netnsOf("red1"), "ip", "-brief", "addr", "show", "dev", "eth0");
  assert.match(inside, /10\.244\.0\.1\/32/);
  assert.equal(inside.includes(infrastructure.red1[0]), false);
});

test("a restarted process adopts the pods with their addresses, and names what is wrong", async () => {
  dataplane[Symbol.dispose]();
  dataplane = newDataplane();
  inNode(() => dataplane.setNode(node));
  for (const name of vpcPods) {
    const { addresses, infrastructureAddresses } = vpcPod(name);
    const found = dataplane.observePods().find(({ hostIfname }) => hostIfname === `hv${name}`);
    assert.deepEqual(found?.addresses, addresses);
    assert.deepEqual(
      [...found.infrastructureAddresses].sort(),
      [...infrastructureAddresses].sort(),
    );
    assert.deepEqual(
      inNode(() => dataplane.checkPod(vpcPod(name))),
      [],
    );
    await assertPing(topology.node, infrastructure[name][1]);
  }
  const wrong = { ...vpcPod("red1"), infrastructureAddresses: [parseIp("10.244.0.50")] };
  const sentences = inNode(() => dataplane.checkPod(wrong)).join("; ");
  assert.match(
    sentences,
    /host routes to the pod: .*10\.244\.0\.41\/32.*, want 10\.244\.0\.50\/32/,
  );
  assert.match(sentences, /interface entry is .*, want .*10\.244\.0\.50 from 192\.0\.2\.1/);
  assert.match(sentences, /route to hvred1 is missing or leads elsewhere/);
});

test("another address of the node takes over for pods that exist", async () => {
  const other = [parseIp("172.16.1.0"), parseIp("fd00:16:1::")];
  inNode(() => dataplane.setNode({ ...node, nodeAddresses: other }));
  const server = serveOnce(topology.node, "node", "udp");
  assert.equal(
    await ask(netnsOf("blue1"), "169.254.1.1", "udp"),
    `node ::ffff:${infrastructure.blue1[0]}`,
  );
  assert.equal((await server).status, 0);
  for (const address of infrastructure.blue1) await assertPing(topology.node, address);
  inNode(() => dataplane.setNode({ ...node, nodeAddresses: [] }));
  await assertSilence(topology.node, infrastructure.blue1[0], "not-from-node");
  assert.throws(
    () => inNode(() => dataplane.setNode({ ...node, nodeAddresses: [parseIp("203.0.113.77")] })),
    /EINVAL/,
  );
  inNode(() => dataplane.setNode(node));
  for (const address of infrastructure.blue1) await assertPing(topology.node, address);
});

test("a pod whose interface is gone does not keep the others from the node", async () => {
  const infrastructureAddresses = [parseIp("10.244.0.44")];
  const addresses = [parseIp("10.244.0.5")];
  const { netnsPath } = podInterface(topology.pod(), 5);
  const pod = { ...vpcPod("red1"), hostIfname: "hvgone", netnsPath };
  inNode(() => dataplane.attachPod({ ...pod, addresses, infrastructureAddresses }));
  inNetns(topology.node, "ip", "link", "del", "hvgone");
  inNode(() => dataplane.setNode(node));
  for (const address of infrastructure.blue1) await assertPing(topology.node, address);
  inNode(() => dataplane.detachPod("hvgone"));
});

test("detaching removes what leads to the pod", async () => {
  inNode(() => dataplane.detachPod("hvblue2"));
  const { output } = await ping(topology.node, infrastructure.blue2[0]);
  assert.match(output, /No route to host/);
  await assertSilence(netnsOf("blue1"), "10.244.0.2", "blackhole");
});
