/**
 * The FIB against the real kernel: a node between two leaves, in namespaces without a name. Needs
 * root.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import type { LocRibChange } from "@heddle/bgp";
import { type Ifindex, parseIfindex, parseIp, parsePrefix } from "@heddle/inet";
import { createNetns, type Fd, withNetns } from "@heddle/native";
import {
  IFA_F_NODAD,
  newAddress,
  newLink,
  newRoute,
  type Request,
  RTPROT_BGP,
  RTPROT_STATIC,
  Rtnetlink,
  setLink,
} from "@heddle/netlink";
import { silentLog } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { KernelFib } from "./kernel-fib.ts";

const metric = 20;
const deps = { log: silentLog, clock: systemClock, rng: systemRng };
const leafNumbers = [1, 2] as const;
/** Of the node, whichever leaf a packet takes. */
const node4 = "192.0.2.1";
const node6 = "2001:db8:1::1";

interface Lab extends Disposable {
  readonly node: Fd;
  readonly leaves: readonly Fd[];
  readonly nodeRtnetlink: Rtnetlink;
  readonly leafRtnetlinks: readonly Rtnetlink[];
}

/**
 * node --- leaf1, leaf2; each leaf has 198.51.100.1 and 2001:db8:100::1 behind it, and a route to
 * the node's own addresses.
 */
function makeLab(): Lab {
  const node = createNetns();
  const leaves = leafNumbers.map(() => createNetns());
  const nodeRtnetlink = new Rtnetlink(node);
  const leafRtnetlinks = leaves.map((leaf) => new Rtnetlink(leaf));
  const lo = parseIfindex(1);
  nodeRtnetlink.execute([
    setLink({ ifindex: lo }, { up: true }),
    newAddress({ ifindex: lo, address: parseIp(node4), prefixLength: 32 }),
    newAddress({ ifindex: lo, address: parseIp(node6), prefixLength: 128 }),
  ]);
  for (const n of leafNumbers) {
    const up = parseIfindex(10 + n);
    const down = parseIfindex(100);
    const leaf = leaves[n - 1] as Fd;
    const peer = { name: "ht-down", ifindex: down, netnsFd: leaf.number };
    nodeRtnetlink.execute([
      newLink({ name: `ht-up${n}`, ifindex: up, up: true, kind: { name: "veth", peer } }),
      newAddress({ ifindex: up, address: parseIp(`172.16.${n}.1`), prefixLength: 31 }),
      newAddress({
        ifindex: up,
        address: parseIp(`fd00:172:16:${n}::1`),
        prefixLength: 127,
        flags: IFA_F_NODAD,
      }),
    ]);
    (leafRtnetlinks[n - 1] as Rtnetlink).execute([
      setLink({ ifindex: lo }, { up: true }),
      setLink({ ifindex: down }, { up: true }),
      newAddress({ ifindex: down, address: parseIp(`172.16.${n}.0`), prefixLength: 31 }),
      newAddress({
        ifindex: down,
        address: parseIp(`fd00:172:16:${n}::`),
        prefixLength: 127,
        flags: IFA_F_NODAD,
      }),
      newAddress({ ifindex: lo, address: parseIp("198.51.100.1"), prefixLength: 32 }),
      newAddress({ ifindex: lo, address: parseIp("2001:db8:100::1"), prefixLength: 128 }),
      routeBack(`${node4}/32`, `172.16.${n}.1`),
      routeBack(`${node6}/128`, `fd00:172:16:${n}::1`),
    ]);
  }
  const all = [nodeRtnetlink, ...leafRtnetlinks, node, ...leaves];
  return {
    node,
    leaves,
    nodeRtnetlink,
    leafRtnetlinks,
    [Symbol.dispose]: () => {
      for (const each of all) each[Symbol.dispose]();
    },
  };
}

function routeBack(prefix: string, via: string): Request {
  return newRoute({
    prefix: parsePrefix(prefix),
    protocol: RTPROT_STATIC,
    nexthops: [{ via: parseIp(via), ifindex: undefined }],
  });
}

const leaf4 = ["172.16.1.0", "172.16.2.0"];
const leaf6 = ["fd00:172:16:1::", "fd00:172:16:2::"];

function change(prefix: string, ...hops: string[]): LocRibChange {
  return { prefix: parsePrefix(prefix), nextHops: hops.map((h) => ({ address: parseIp(h) })) };
}

/** What `ip route` shows of ours, each as `prefix via hop%dev hop%dev`. */
function shown(lab: Lab): string[] {
  return ["-4", "-6"].flatMap((family) => {
    const args = ["-json", family, "route", "show", "proto", "bgp"];
    const text = withNetns(lab.node, () => execFileSync("ip", args, { encoding: "utf8" }));
    return (JSON.parse(text || "[]") as ShownRoute[]).map((route) => {
      const hops = route.nexthops ?? [route];
      const live = hops.filter((hop) => !hop.flags.includes("dead"));
      const all = live.map((hop) => `${hop.gateway}%${hop.dev}`).sort();
      return `${family} ${route.dst} via ${all.join(" ")}`;
    });
  });
}

interface ShownHop {
  readonly gateway: string;
  readonly dev: string;
  readonly flags: readonly string[];
}
interface ShownRoute extends ShownHop {
  readonly dst: string;
  readonly nexthops?: readonly ShownHop[];
}

const bothDefaults = [
  "-4 default via 172.16.1.0%ht-up1 172.16.2.0%ht-up2",
  "-6 default via fd00:172:16:1::%ht-up1 fd00:172:16:2::%ht-up2",
];
const defaults: readonly LocRibChange[] = [change("0.0.0.0/0", ...leaf4), change("::/0", ...leaf6)];

/**
 * Waits for what the kernel is brought to; what takes longer than any machine needs fails the test.
 */
async function until(lab: Lab, expected: readonly string[]): Promise<void> {
  for (let i = 0; i < 100; i += 1) {
    if (JSON.stringify(shown(lab)) === JSON.stringify(expected)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(shown(lab), expected);
}

function openFib(lab: Lab): Promise<KernelFib> {
  return KernelFib.open({ metric, netns: lab.node }, deps);
}

test("multipath routes of both families are installed, changed and removed", async () => {
  using lab = makeLab();
  await using fib = await openFib(lab);
  await fib.apply(defaults);
  assert.deepEqual(shown(lab), bothDefaults);
  await fib.apply([change("0.0.0.0/0", leaf4[1]!), change("::/0", leaf6[0]!)]);
  assert.deepEqual(shown(lab), [
    "-4 default via 172.16.2.0%ht-up2",
    "-6 default via fd00:172:16:1::%ht-up1",
  ]);
  await fib.apply(defaults);
  assert.deepEqual(shown(lab), bothDefaults);
  await fib.apply([change("0.0.0.0/0"), change("::/0")]);
  assert.deepEqual(shown(lab), []);
  assert.deepEqual(fib.status(), { installedCount: 0, staleCount: 0, open: [] });
});

test("a change of next hops leaves no time without the route", async () => {
  using lab = makeLab();
  await using fib = await openFib(lab);
  await fib.apply(defaults);
  // With a source of its own: the kernel chooses one by another lookup than the packet's next hop,
  // and a leaf knows no way back to the address of the other's link.
  const ping = (from: string, to: string): ReturnType<typeof spawn> => {
    const args = ["-n", "-q", "-I", from, "-i", "0.002", "-c", "400", to];
    return withNetns(lab.node, () => spawn("ping", args));
  };
  const pings = [ping(node4, "198.51.100.1"), ping(node6, "2001:db8:100::1")];
  const outputs = pings.map(async (child) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(child, "close");
    return text;
  });
  let running = true;
  let changeCount = 0;
  const all = Promise.all(outputs).finally(() => {
    running = false;
  });
  for (; running; changeCount += 1) {
    const sets = [[0], [0, 1], [1], [1, 0]][changeCount % 4] as number[];
    await fib.apply([
      change("0.0.0.0/0", ...sets.map((n) => leaf4[n]!)),
      change("::/0", ...sets.map((n) => leaf6[n]!)),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.ok(changeCount > 4, "next hops changed while packets flowed");
  const [received4, received6] = (await all).map((text) => {
    const counts = /400 packets transmitted, (\d+) received/.exec(text);
    return Number(counts?.[1]);
  });
  assert.equal(received4, 400);
  // Of IPv6 the kernel drops what looks a route up in the half microsecond in which it lets go of
  // the old one; a table without the route, for the time of two messages, loses dozens.
  assert.ok(received6 !== undefined && received6 >= 398, `${received6} of 400 received`);
});

test("what others delete or change is put back", async () => {
  using lab = makeLab();
  await using fib = await openFib(lab);
  await fib.apply(defaults);
  const ip = (...args: string[]): void => withNetns(lab.node, () => void execFileSync("ip", args));
  ip("route", "del", "default", "proto", "bgp");
  ip("-6", "route", "del", "default", "proto", "bgp");
  await until(lab, bothDefaults);
  ip("route", "replace", "default", "via", "172.16.1.0", "proto", "bgp", "metric", "20");
  await until(lab, bothDefaults);
  ip("-6", "route", "flush", "proto", "bgp");
  await until(lab, bothDefaults);
});

test("after a link was down the route is complete again", async () => {
  using lab = makeLab();
  await using fib = await openFib(lab);
  await fib.apply(defaults);
  const setUp = (n: number, up: boolean): void =>
    lab.nodeRtnetlink.execute([setLink({ ifindex: (10 + n) as Ifindex }, { up })]);
  const addressAgain = (n: number): void => {
    // The kernel drops global IPv6 addresses when a link goes down; who configured them puts them
    // back.
    const address = parseIp(`fd00:172:16:${n}::1`);
    lab.nodeRtnetlink.execute([
      newAddress({ ifindex: (10 + n) as Ifindex, address, prefixLength: 127, flags: IFA_F_NODAD }),
    ]);
  };
  setUp(1, false);
  await until(lab, ["-4 default via 172.16.2.0%ht-up2", "-6 default via fd00:172:16:2::%ht-up2"]);
  setUp(1, true);
  addressAgain(1);
  await until(lab, bothDefaults);
  setUp(1, false);
  setUp(2, false);
  await until(lab, []);
  setUp(2, true);
  addressAgain(2);
  setUp(1, true);
  addressAgain(1);
  await until(lab, bothDefaults);
});

test("a restarted FIB adopts its routes, and removes what is not confirmed", async () => {
  using lab = makeLab();
  const first = await openFib(lab);
  await first.apply([...defaults, change("10.0.0.0/8", leaf4[0]!)]);
  await first[Symbol.asyncDispose]();
  lab.nodeRtnetlink.execute([
    newRoute({
      prefix: parsePrefix("10.9.0.0/16"),
      protocol: RTPROT_BGP,
      metric: 77,
      nexthops: [{ via: parseIp(leaf4[0]!), ifindex: undefined }],
    }),
  ]);
  await using second = await openFib(lab);
  assert.equal(second.status().staleCount, 3);
  assert.equal(shown(lab).length, 4);
  await second.apply(defaults);
  assert.equal(shown(lab).length, 4);
  await second.converged();
  assert.deepEqual(shown(lab), bothDefaults);
});

test("a static route with the same prefix and metric is left alone and reported", async () => {
  using lab = makeLab();
  for (const [prefix, hop] of [
    ["0.0.0.0/0", leaf4[0]!],
    ["::/0", leaf6[0]!],
  ] as const) {
    const nexthops = [{ via: parseIp(hop), ifindex: undefined }];
    const protocol = RTPROT_STATIC;
    lab.nodeRtnetlink.execute([
      newRoute({ prefix: parsePrefix(prefix), protocol, metric, nexthops }),
    ]);
  }
  await using fib = await openFib(lab);
  await fib.apply(defaults);
  assert.deepEqual(shown(lab), []);
  const { open } = fib.status();
  assert.equal(open.length, 2);
  for (const { status } of open)
    assert.ok(status.state === "error" && /EEXIST/.test(status.error.message));
});

test("while one leaf's link is down, a new multipath route uses the other", async () => {
  using lab = makeLab();
  lab.nodeRtnetlink.execute([setLink({ ifindex: 11 as Ifindex }, { up: false })]);
  await using fib = await openFib(lab);
  await fib.apply(defaults);
  assert.deepEqual(shown(lab), [
    "-4 default via 172.16.2.0%ht-up2",
    "-6 default via fd00:172:16:2::%ht-up2",
  ]);
});
