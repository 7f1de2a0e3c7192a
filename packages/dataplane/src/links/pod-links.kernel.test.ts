import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import {
  formatIp,
  type Ip,
  type Mac,
  parseIfindex,
  parseIp,
  parseMac,
  parsePrefix,
  parseVrfId,
} from "@heddle/inet";
import { createNetns, DatagramSocket, type Fd, loadBpfObject, withNetns } from "@heddle/native";
import { newAddress, newLink, newRoute, Rtnetlink, setLink } from "@heddle/netlink";
import type { PodInterface } from "../dataplane.ts";
import { enableForwarding } from "./node-sysctls.ts";
import { PodLinkError } from "./pod-link-error.ts";
import { PodLinks } from "./pod-links.ts";
import { podLinkGroup } from "./pod-mark.ts";

const lo = parseIfindex(1);
const blocks = { ingress: 7201, egress: 7202 };

/** A node's namespace with its handle; ends with its descriptors. */
class Node implements Disposable {
  readonly netns: Fd = createNetns();
  readonly links: PodLinks = withNetns(this.netns, () => new PodLinks());
  readonly rtnetlink: Rtnetlink = new Rtnetlink(this.netns);

  constructor() {
    this.rtnetlink.execute([
      setLink({ ifindex: lo }, { up: true }),
      newAddress({ ifindex: lo, address: parseIp("192.0.2.1"), prefixLength: 32 }),
      newAddress({ ifindex: lo, address: parseIp("2001:db8::1"), prefixLength: 128 }),
    ]);
    withNetns(this.netns, enableForwarding);
    this.links.ensureBlocks(blocks);
  }

  run(command: string, ...args: string[]): string {
    return withNetns(this.netns, () => execFileSync(command, args, { encoding: "utf8" }));
  }

  [Symbol.dispose](): void {
    this.links[Symbol.dispose]();
    this.rtnetlink[Symbol.dispose]();
    this.netns.close();
  }
}

function pathOf(netns: Fd): string {
  return `/proc/${process.pid}/fd/${netns.number}`;
}

function mac(last: number): Mac {
  return parseMac(`02:00:00:00:01:${last.toString(16).padStart(2, "0")}`);
}

function podIn(netns: Fd, number: number, change: Partial<PodInterface> = {}): PodInterface {
  return {
    netnsPath: pathOf(netns),
    ifname: "eth0",
    hostIfname: `hv${number}`,
    mac: mac(number),
    hostMac: parseMac("02:00:00:00:00:fe"),
    mtu: 1450,
    vrf: parseVrfId(0),
    addresses: [parseIp(`10.244.0.${number}`), parseIp(`fd00:10:244::${number}`)],
    infrastructureAddresses: [],
    ...change,
  };
}

function ping(netns: Fd, to: Ip): void {
  withNetns(netns, () =>
    execFileSync("ping", ["-c", "1", "-W", "1", "-w", "1", formatIp(to)], { stdio: "pipe" }),
  );
}

test("attach() connects pods with each other and with the node, over both families", () => {
  using node = new Node();
  using netnsA = createNetns();
  using netnsB = createNetns();
  const [a, b] = [podIn(netnsA, 11), podIn(netnsB, 12)];
  const attached = node.links.attach(a, blocks);
  node.links.attach(b, blocks);
  assert.deepEqual(node.links.check(a, blocks), []);
  assert.deepEqual(node.links.check(b, blocks), []);
  assert.deepEqual(attached, {
    ...a,
    hostIfindex: node.rtnetlink.link({ name: "hv11" })?.ifindex,
    podIfindex: 2,
  });
  for (const address of b.addresses) ping(netnsA, address);
  for (const address of a.addresses) ping(node.netns, address);
  const shown = JSON.parse(node.run("ip", "-json", "route", "show", "proto", "72"));
  assert.deepEqual(
    shown.map((route: { dst: string; dev: string }) => [route.dst, route.dev]),
    [
      ["10.244.0.11", "hv11"],
      ["10.244.0.12", "hv12"],
    ],
  );
});

test("attach() is idempotent and repairs what was changed", () => {
  using node = new Node();
  using netns = createNetns();
  const pod = podIn(netns, 11);
  const first = node.links.attach(pod, blocks);
  const ifindex = first.hostIfindex;
  // A new MAC address makes the kernel forget every neighbor of the interface, permanent ones too.
  node.rtnetlink.execute([setLink({ ifindex }, { mtu: 1400, mac: mac(99), alias: "" })]);
  node.run("tc", "qdisc", "del", "dev", "hv11", "clsact");
  withNetns(netns, () => execFileSync("ip", ["route", "del", "default"]));
  assert.deepEqual(node.links.check(pod, blocks), [
    "MTU of host interface hv11: 1400, want 1450",
    "MAC address of host interface hv11: 02:00:00:00:01:63, want 02:00:00:00:00:fe",
    "alias of host interface hv11: none, want heddle:pod:vrf=0",
    "tc blocks of host interface hv11: none, want ingress 7201, egress 7202",
    "permanent neighbors of host interface hv11: none, want " +
      "10.244.0.11@02:00:00:00:01:0b fd00:10:244::11@02:00:00:00:01:0b",
    "routes of the pod: 169.254.1.1/32 ::/0-via-fe80::1 fe80::1/128, want " +
      "0.0.0.0/0-via-169.254.1.1 169.254.1.1/32 ::/0-via-fe80::1 fe80::1/128",
  ]);
  assert.deepEqual(node.links.attach(pod, blocks), first);
  assert.deepEqual(node.links.check(pod, blocks), []);
});

test("attach() replaces an interface of ours that leads elsewhere or has other addresses", () => {
  using node = new Node();
  using before = createNetns();
  using after = createNetns();
  const old = node.links.attach(podIn(before, 11), blocks);
  const moved = podIn(after, 11);
  const made = node.links.attach(moved, blocks);
  assert.notEqual(made.hostIfindex, old.hostIfindex);
  assert.deepEqual(node.links.check(moved, blocks), []);
  const renumbered = podIn(after, 11, { addresses: [parseIp("10.244.0.77")] });
  node.links.attach(renumbered, blocks);
  assert.deepEqual(node.links.check(renumbered, blocks), []);
  const [observed] = node.links.observe();
  assert.deepEqual(observed?.addresses, renumbered.addresses);
});

test("attach() finds free indexes and refuses names and namespaces of others", () => {
  using node = new Node();
  using netns = createNetns();
  using inPod = new Rtnetlink(netns);
  inPod.execute([newLink({ name: "net1", ifindex: parseIfindex(2), kind: { name: "bridge" } })]);
  const pod = podIn(netns, 11);
  assert.equal(node.links.attach(pod, blocks).podIfindex, 3);
  const code = (want: string) => (error: unknown) =>
    error instanceof PodLinkError && error.code === want;
  assert.throws(
    () => node.links.attach(podIn(netns, 12, { ifname: "net1" }), blocks),
    code("ifname-taken"),
  );
  assert.equal(node.rtnetlink.link({ name: "hv12" }), undefined);
  node.rtnetlink.execute([newLink({ name: "hv13", kind: { name: "bridge" } })]);
  assert.throws(() => node.links.attach(podIn(createNetns(), 13), blocks), code("not-ours"));
  assert.throws(() => node.links.detach("hv13"), code("not-ours"));
  assert.throws(() => node.links.attach(podIn(node.netns, 14), blocks), code("host-netns"));
  assert.throws(
    () => node.links.attach({ ...pod, hostIfname: "hv15", netnsPath: "/proc/self/none" }, blocks),
    /Cannot open network namespace \/proc\/self\/none: No such file or directory \(ENOENT/,
  );
});

test("attach() leaves nothing behind when it fails in the middle", () => {
  using node = new Node();
  using netns = createNetns();
  // IPv6 needs an MTU of 1280 (RFC 8200 5), and the kernel refuses its addresses below.
  const pod = podIn(netns, 11, { mtu: 1000 });
  assert.throws(() => node.links.attach(pod, blocks), /\(EAFNOSUPPORT\)/);
  assert.deepEqual(node.links.observe(), []);
  assert.equal(node.rtnetlink.link({ name: "hv11" }), undefined);
});

test("attach() needs no IPv6 for a pod that has none", () => {
  using node = new Node();
  using netns = createNetns();
  const pod = podIn(netns, 11, { mtu: 1000, addresses: [parseIp("10.244.0.11")] });
  node.links.attach(pod, blocks);
  assert.deepEqual(node.links.check(pod, blocks), []);
  ping(node.netns, pod.addresses[0] as Ip);
});

test("attach() switches IPv6 on in a namespace that was made without", () => {
  using node = new Node();
  using netns = createNetns();
  withNetns(netns, () => {
    writeFileSync("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    writeFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  });
  const pod = podIn(netns, 11);
  node.links.attach(pod, blocks);
  assert.deepEqual(node.links.check(pod, blocks), []);
});

test("detach() removes everything, and succeeds again", () => {
  using node = new Node();
  using netns = createNetns();
  const pod = podIn(netns, 11);
  node.links.attach(pod, blocks);
  node.links.detach("hv11");
  node.links.detach("hv11");
  assert.deepEqual(node.links.observe(), []);
  assert.deepEqual(node.rtnetlink.routes({ family: 4, protocol: 72 }), []);
  assert.deepEqual(node.links.check(pod, blocks), ["host interface hv11 is missing"]);
});

test("observe() finds pods of every VRF after a restart, also one that was never completed", () => {
  using node = new Node();
  using netnsA = createNetns();
  using netnsB = createNetns();
  const a = podIn(netnsA, 11);
  const b = podIn(netnsB, 12, { vrf: parseVrfId(5), addresses: a.addresses });
  const [first, second] = [node.links.attach(a, blocks), node.links.attach(b, blocks)];
  assert.deepEqual(node.links.check(a, blocks), []);
  assert.deepEqual(node.links.check(b, blocks), []);
  node.rtnetlink.execute([
    newLink({ name: "hv13", group: podLinkGroup, kind: { name: "veth", peer: { name: "x" } } }),
  ]);
  using restarted = withNetns(node.netns, () => new PodLinks());
  assert.deepEqual(
    restarted.observe().map(({ hostIfname, vrf, addresses }) => [hostIfname, vrf, addresses]),
    [
      ["hv13", 0, []],
      ["hv11", 0, a.addresses],
      ["hv12", 5, a.addresses],
    ],
  );
  using netnsC = createNetns();
  assert.ok(restarted.attach(podIn(netnsC, 14), blocks).hostIfindex > second.hostIfindex);
  assert.ok(second.hostIfindex > first.hostIfindex);
});

const programSource = `
__attribute__((section("tc"), used)) int pass(void *skb) { return RETURN; }
char terms[] __attribute__((section("license"), used)) = "GPL";
`;

/** A program that returns the verdict, as a descriptor. */
function loadVerdict(verdict: number): Fd {
  const folder = mkdtempSync(path.join(tmpdir(), "ht-"));
  try {
    const object = path.join(folder, "verdict.o");
    const args = ["-O2", "-g", "-target", "bpf", `-DRETURN=${verdict}`, "-c", "-x", "c"];
    execFileSync("clang", [...args, "-o", object, "-"], { input: programSource });
    const loaded = loadBpfObject(readFileSync(object), "verdict", new Map());
    const program = loaded.programs.get("pass");
    assert.ok(program !== undefined);
    return program;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a block filter outlives the last pod, is adopted, and is replaced in one step", () => {
  using node = new Node();
  using netns = createNetns();
  using pass = loadVerdict(0);
  using drop = loadVerdict(2);
  const pod = podIn(netns, 11);
  assert.equal(node.links.ensureBlockFilter(blocks.egress, pass.number, "to_pod"), "created");
  assert.equal(node.links.ensureBlockFilter(blocks.egress, pass.number, "to_pod"), "adopted");
  node.links.attach(pod, blocks);
  ping(node.netns, pod.addresses[0] as Ip);
  assert.equal(node.links.ensureBlockFilter(blocks.egress, drop.number, "to_pod"), "replaced");
  assert.throws(() => ping(node.netns, pod.addresses[0] as Ip));
  node.links.detach(pod.hostIfname);
  node.links.ensureBlocks(blocks);
  assert.equal(node.links.ensureBlockFilter(blocks.egress, drop.number, "to_pod"), "adopted");
  assert.equal(node.rtnetlink.filters({ block: blocks.egress }).length, 1);
  assert.throws(
    () => node.links.ensureBlockFilter(9999, drop.number, "to_pod"),
    /Cannot attach to_pod to block 9999: .*EINVAL/,
  );
});

test("a host route of another prefix owner is taken over by the newer pod", () => {
  using node = new Node();
  using netnsA = createNetns();
  using netnsB = createNetns();
  const a = podIn(netnsA, 11);
  const b = podIn(netnsB, 12, { addresses: a.addresses });
  node.links.attach(a, blocks);
  node.links.attach(b, blocks);
  node.links.detach("hv11");
  assert.deepEqual(node.links.check(b, blocks), []);
  const foreign = newRoute({
    prefix: parsePrefix("10.244.0.11/32"),
    protocol: 4,
    metric: 5,
    nexthops: [{ via: undefined, ifindex: parseIfindex(1) }],
  });
  node.rtnetlink.execute([foreign]);
  assert.deepEqual(node.links.check(b, blocks), []);
});

test("attach() returns when the first packet from the host reaches the pod", async () => {
  using node = new Node();
  const local = { address: parseIp("192.0.2.1"), port: 0 };
  using socket = withNetns(node.netns, () => new DatagramSocket(local));
  using namespaces = new DisposableStack();
  const missing: number[] = [];
  for (let number = 1; number <= 60; number += 1) {
    const netns = namespaces.use(createNetns());
    node.links.attach(podIn(netns, number), blocks);
    socket.send(Uint8Array.of(1), { address: parseIp(`10.244.0.${number}`), port: 9 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (udpDatagramsSeen(netns) === 0) missing.push(number);
  }
  assert.deepEqual(missing, []);
});

test("attach() returns when the pod answers its first ping, over both families, beside a busy loop", {
  timeout: 30_000,
}, async () => {
  using node = new Node();
  await answers(node.netns, parseIp("2001:db8::1"));
  using namespaces = new DisposableStack();
  const busy = spawn(process.execPath, ["--eval", "for (;;);"], { stdio: "ignore" });
  namespaces.defer(() => busy.kill("SIGKILL"));
  const lost: string[] = [];
  for (let number = 1; number <= 100; number += 1) {
    const netns = namespaces.use(createNetns());
    const pod = podIn(netns, number);
    node.links.attach(pod, blocks);
    for (const address of pod.addresses.toReversed()) {
      if (!isAnswered(node.netns, address)) lost.push(formatIp(address));
    }
  }
  assert.deepEqual(lost, []);
});

/** Whether one ping is answered, in a second. */
function isAnswered(netns: Fd, to: Ip): boolean {
  try {
    ping(netns, to);
    return true;
  } catch {
    return false;
  }
}

/** The kernel makes an address that it was just given its own a little later. */
async function answers(netns: Fd, address: Ip): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    if (isAnswered(netns, address)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${formatIp(address)} does not answer`);
}

/** Datagrams that reached the namespace's UDP: delivered, or without a listener. */
function udpDatagramsSeen(netns: Fd): number {
  const text = withNetns(netns, () => readFileSync("/proc/thread-self/net/snmp", "utf8"));
  const [names, values] = text
    .split("\n")
    .filter((line) => line.startsWith("Udp:"))
    .map((line) => line.split(" ")) as [string[], string[]];
  const counter = (name: string): number => Number(values[names.indexOf(name)]);
  return counter("InDatagrams") + counter("NoPorts");
}
