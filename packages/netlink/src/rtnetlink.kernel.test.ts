import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import {
  defaultPrefix,
  formatIp,
  formatMac,
  formatPrefix,
  type Ifindex,
  parseIfindex,
  parseIp,
  parseMac,
  parsePrefix,
} from "@heddle/inet";
import { createNetns, type Fd, withNetns } from "@heddle/native";
import {
  deleteAddress,
  deleteClsact,
  deleteLink,
  deleteNeighbor,
  deleteRoute,
  deleteRule,
  IFA_F_NODAD,
  IN6_ADDR_GEN_MODE_NONE,
  isAbsent,
  NetlinkError,
  NUD_PERMANENT,
  newAddress,
  newClsact,
  newLink,
  newNeighbor,
  newRoute,
  newRule,
  RTAX_MTU,
  RTN_BLACKHOLE,
  RTPROT_BGP,
  RTPROT_STATIC,
  Rtnetlink,
  setLink,
} from "./mod.ts";

/** What `ip -json` shows; its fields are looked at one by one. */
type Shown = Record<string, unknown>;

function show(netns: Fd, ...args: string[]): Shown[] {
  const text = withNetns(netns, () => execFileSync("ip", ["-json", ...args], { encoding: "utf8" }));
  return text.trim() === "" ? [] : JSON.parse(text);
}

const lo = parseIfindex(1);
const left = parseIfindex(10);
const right = parseIfindex(20);

/** Two namespaces joined by a veth pair, both ends up. They end with their descriptors. */
function makePair(): { a: Fd; b: Fd; ra: Rtnetlink; rb: Rtnetlink } & Disposable {
  const a = createNetns();
  const b = createNetns();
  const ra = new Rtnetlink(a);
  const rb = new Rtnetlink(b);
  ra.execute([
    newLink({
      name: "ht-left",
      ifindex: left,
      queueCount: 1,
      up: true,
      mac: parseMac("02:00:00:00:00:01"),
      mtu: 1400,
      group: 72,
      kind: {
        name: "veth",
        peer: {
          name: "eth0",
          ifindex: right,
          queueCount: 3,
          mac: parseMac("02:00:00:00:00:02"),
          mtu: 1400,
          netnsFd: b.number,
        },
      },
    }),
    setLink({ ifindex: left }, { alias: "heddle:test", addrGenMode: IN6_ADDR_GEN_MODE_NONE }),
  ]);
  rb.execute([setLink({ ifindex: lo }, { up: true }), setLink({ ifindex: right }, { up: true })]);
  const dispose = (): void => {
    for (const one of [ra, rb, a, b]) one[Symbol.dispose]();
  };
  return { a, b, ra, rb, [Symbol.dispose]: dispose };
}

test("newLink() makes both ends of a veth as asked, and decodeLink() reads what ip shows", () => {
  using pair = makePair();
  const [shown] = show(pair.a, "-d", "link", "show", "dev", "ht-left") as [Shown];
  const link = pair.ra.link({ name: "ht-left" });
  assert.ok(link !== undefined);
  assert.deepEqual(
    [shown["ifindex"], shown["address"], shown["mtu"], shown["ifalias"], shown["link_index"]],
    [left, "02:00:00:00:00:01", 1400, "heddle:test", right],
  );
  assert.equal(shown["inet6_addr_gen_mode"], "none");
  const [far] = show(pair.b, "-d", "link", "show", "dev", "eth0") as [Shown];
  assert.deepEqual([shown["num_tx_queues"], shown["num_rx_queues"]], [1, 1]);
  assert.deepEqual([far["num_tx_queues"], far["num_rx_queues"]], [3, 3]);
  assert.deepEqual(
    [link.ifindex, link.mac, link.mtu, link.alias, link.link, link.group, link.kind],
    [left, parseMac("02:00:00:00:00:01"), 1400, "heddle:test", right, 72, "veth"],
  );
  assert.equal(link.addrGenMode, IN6_ADDR_GEN_MODE_NONE);
  assert.equal(link.linkNetnsId, pair.ra.netnsId(pair.b));
  // Counters are among the attributes, and go on.
  const byIndex = { ...pair.ra.link({ ifindex: left }), attributes: [] };
  assert.deepEqual(byIndex, { ...link, attributes: [] });
  const names = show(pair.b, "link").map((one) => one["ifname"]);
  assert.deepEqual(
    pair.rb.links().map(({ name }) => name),
    names,
  );
  assert.equal(pair.rb.link({ name: "eth0" })?.mac, parseMac("02:00:00:00:00:02"));
});

test("link() of a missing link is undefined, deletion of it is recognised as absent", () => {
  using pair = makePair();
  assert.equal(pair.ra.link({ name: "ht-none" }), undefined);
  const [outcome] = pair.ra.submit([deleteLink({ name: "ht-none" })]);
  assert.equal(isAbsent(outcome), true);
  pair.ra.execute([deleteLink({ name: "ht-left" })]);
  assert.equal(pair.rb.link({ name: "eth0" }), undefined);
});

test("addresses of both families come back as ip shows them", () => {
  using pair = makePair();
  const v4 = { ifindex: left, address: parseIp("10.9.0.1"), prefixLength: 24 };
  const v6 = {
    ifindex: left,
    address: parseIp("fd09::1"),
    prefixLength: 64,
    flags: IFA_F_NODAD,
  };
  pair.ra.execute([newAddress(v4), newAddress(v6), newAddress(v4, "replace")]);
  const [shown] = show(pair.a, "address", "show", "dev", "ht-left") as [Shown];
  const info = shown["addr_info"] as Shown[];
  const ours = pair.ra.addresses({ ifindex: left });
  assert.deepEqual(
    ours.map(({ address, prefixLength }) => [formatIp(address), prefixLength]),
    info.map((one) => [one["local"], one["prefixlen"]]),
  );
  assert.deepEqual(
    ours.map(({ address }) => formatIp(address)),
    ["10.9.0.1", "fd09::1"],
  );
  pair.ra.execute([deleteAddress(v4)]);
  assert.deepEqual(pair.ra.addresses({ ifindex: left, family: 4 }), []);
});

/** A namespace with a dummy-like link that has room for next hops. */
function addUplink(r: Rtnetlink, ifindex: Ifindex, name: string, net: number): void {
  r.execute([
    newLink({
      name,
      ifindex,
      up: true,
      kind: { name: "veth", peer: { name: `${name}p` } },
    }),
    setLink({ name: `${name}p` }, { up: true }),
    newAddress({ ifindex, address: parseIp(`10.${net}.0.1`), prefixLength: 24 }),
    newAddress({
      ifindex,
      address: parseIp(`fd00:${net}::1`),
      prefixLength: 64,
      flags: IFA_F_NODAD,
    }),
  ]);
}

test("multipath routes of both families are replaced in one step and shown by ip", () => {
  using netns = createNetns();
  using r = new Rtnetlink(netns);
  addUplink(r, parseIfindex(11), "ht-up1", 1);
  addUplink(r, parseIfindex(12), "ht-up2", 2);
  for (const [prefix, vias] of [
    [defaultPrefix(4), ["10.1.0.2", "10.2.0.2"]],
    [defaultPrefix(6), ["fd00:1::2", "fd00:2::2"]],
  ] as const) {
    const nexthops = vias.map((via, i) => ({
      via: parseIp(via),
      ifindex: parseIfindex(11 + i),
      weight: i + 1,
      flags: 0,
    }));
    const both = { prefix, protocol: RTPROT_BGP, metric: 20, nexthops };
    r.execute([newRoute({ ...both, nexthops: nexthops.slice(0, 1) }), newRoute(both, "replace")]);
    const flag = prefix.family === 4 ? "-4" : "-6";
    const [shown] = show(netns, flag, "route", "show", "proto", "bgp") as [Shown];
    const shownHops = shown["nexthops"] as Shown[];
    assert.deepEqual(
      shownHops.map((hop) => [hop["gateway"], hop["weight"]]),
      [
        [vias[0], 1],
        [vias[1], 2],
      ],
    );
    const found = r.routes({ family: prefix.family, table: 254, protocol: RTPROT_BGP });
    assert.equal(found.length, 1);
    assert.deepEqual(
      found[0]?.nexthops.map(({ via, ifindex, weight }) => ({ via, ifindex, weight })),
      nexthops.map(({ via, ifindex, weight }) => ({ via, ifindex, weight })),
    );
    assert.equal(found[0]?.metric, 20);
    r.execute([deleteRoute({ prefix, protocol: RTPROT_BGP })]);
    assert.deepEqual(r.routes({ family: prefix.family, protocol: RTPROT_BGP }), []);
  }
});

test("routes keep table, type, source, metrics and an IPv6 next hop of an IPv4 prefix", () => {
  using netns = createNetns();
  using r = new Rtnetlink(netns);
  addUplink(r, parseIfindex(11), "ht-up1", 1);
  const mtu = { type: RTAX_MTU, value: Uint8Array.of(0xdc, 5, 0, 0) };
  r.execute([
    newRoute({
      prefix: parsePrefix("192.0.2.0/24"),
      table: 1000,
      protocol: RTPROT_STATIC,
      preferredSource: parseIp("10.1.0.1"),
      nexthops: [{ via: parseIp("fd00:1::2"), ifindex: parseIfindex(11) }],
      metrics: [mtu],
    }),
    newRoute({
      prefix: parsePrefix("198.51.100.0/24"),
      type: RTN_BLACKHOLE,
      protocol: RTPROT_STATIC,
      nexthops: [],
    }),
  ]);
  const [shown] = show(netns, "-d", "route", "show", "table", "1000") as [Shown];
  assert.deepEqual(shown["via"], { family: "inet6", host: "fd00:1::2" });
  const [route] = r.routes({ family: 4, table: 1000 });
  assert.equal(formatIp(route?.nexthops[0]?.via ?? parseIp("::")), "fd00:1::2");
  assert.deepEqual([route?.table, route?.preferredSource], [1000, parseIp("10.1.0.1")]);
  assert.deepEqual(route?.metrics, [mtu]);
  const blackhole = r.routes({ family: 4, protocol: RTPROT_STATIC, table: 254 });
  assert.deepEqual(
    blackhole.map(({ prefix, type, nexthops }) => [formatPrefix(prefix), type, nexthops]),
    [["198.51.100.0/24", RTN_BLACKHOLE, []]],
  );
  assert.equal(isAbsent(r.submit([deleteRoute({ prefix: parsePrefix("1.0.0.0/8") })])[0]), true);
});

test("permanent neighbors carry their protocol and are narrowed by interface", () => {
  using pair = makePair();
  for (const text of ["10.9.0.2", "fd09::2"]) {
    const address = parseIp(text);
    const mac = parseMac("02:00:00:00:00:09");
    pair.ra.execute([newNeighbor({ ifindex: left, address, mac, protocol: 72 })]);
    const found = pair.ra.neighbors({ ifindex: left }).filter((one) => one.address === address);
    assert.deepEqual(
      found.map((one) => [one.mac, one.state, one.protocol]),
      [[mac, NUD_PERMANENT, 72]],
    );
    const [shown] = show(pair.a, "neigh", "show", "to", text) as [Shown];
    assert.deepEqual([shown["lladdr"], shown["state"]], [formatMac(mac), ["PERMANENT"]]);
    pair.ra.execute([deleteNeighbor(left, address)]);
    assert.equal(isAbsent(pair.ra.submit([deleteNeighbor(left, address)])[0]), true);
  }
});

test("rules select tables by source and mark", () => {
  using netns = createNetns();
  using r = new Rtnetlink(netns);
  const rule = {
    family: 4 as const,
    priority: 500,
    table: 1000,
    source: parsePrefix("10.0.0.0/8"),
    fwmark: 7,
    protocol: RTPROT_STATIC,
  };
  r.execute([newRule(rule)]);
  const [shown] = show(netns, "rule", "show", "priority", "500") as [Shown];
  assert.deepEqual(
    [shown["src"], shown["srclen"], shown["fwmark"], shown["table"]],
    ["10.0.0.0", 8, "0x7", "1000"],
  );
  const found = r.rules(4).find(({ priority }) => priority === 500);
  assert.deepEqual(
    [found?.source, found?.fwmark, found?.table, found?.suppressPrefixLength],
    [rule.source, 7, 1000, undefined],
  );
  r.execute([deleteRule(rule)]);
  assert.equal(isAbsent(r.submit([deleteRule(rule)])[0]), true);
});

test("clsact shows its shared blocks; a block without a qdisc has no filters", () => {
  using pair = makePair();
  pair.ra.execute([newClsact(left, { ingress: 77, egress: 78 })]);
  const [qdisc] = pair.ra.qdiscs(left).filter(({ kind }) => kind === "clsact");
  assert.deepEqual([qdisc?.ingressBlock, qdisc?.egressBlock], [77, 78]);
  assert.deepEqual(pair.ra.filters({ block: 77 }), []);
  assert.deepEqual(pair.ra.filters({ block: 99 }), []);
  assert.deepEqual(pair.ra.filters({ ifindex: right, side: "ingress" }), []);
  pair.ra.execute([deleteClsact(left)]);
  assert.deepEqual(
    pair.ra.qdiscs(left).filter(({ kind }) => kind === "clsact"),
    [],
  );
});

test("an error names the request of the batch, the errno and the kernel's explanation", () => {
  using pair = makePair();
  const route = newRoute({
    prefix: parsePrefix("192.0.2.0/24"),
    protocol: RTPROT_STATIC,
    nexthops: [{ via: parseIp("198.51.100.1"), ifindex: left }],
  });
  const up = setLink({ ifindex: left }, { up: true });
  const outcomes = pair.ra.submit([up, route, up]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome?.code),
    [undefined, "ENETUNREACH", undefined],
  );
  assert.deepEqual(
    pair.ra.submit([route, up, route]).map((outcome) => outcome?.code),
    ["ENETUNREACH", undefined, "ENETUNREACH"],
  );
  assert.throws(
    () => pair.ra.execute([up, route, up]),
    (error: unknown) =>
      error instanceof NetlinkError &&
      error.request?.index === 1 &&
      error.extendedAck.text === "Nexthop has invalid gateway" &&
      /^Cannot add route 192\.0\.2\.0\/24: .*invalid gateway; request 2 of 3$/.test(error.message),
  );
  assert.throws(
    () => pair.ra.execute([setLink({ ifindex: left }, { mtu: 70_000 })]),
    (error: unknown) => error instanceof NetlinkError && error.code === "EINVAL",
  );
});

test("a batch above one transaction is sent in parts, in order", () => {
  using pair = makePair();
  const address = { ifindex: left, address: parseIp("10.9.0.1"), prefixLength: 24 };
  const routes = Array.from({ length: 600 }, (_, i) =>
    newRoute({
      prefix: parsePrefix(`192.${i >> 8}.${i & 255}.0/24`),
      protocol: RTPROT_STATIC,
      nexthops: [{ via: parseIp("10.9.0.2"), ifindex: left }],
    }),
  );
  pair.ra.execute([newAddress(address), ...routes]);
  assert.equal(pair.ra.routes({ family: 4, protocol: RTPROT_STATIC }).length, 600);
});
