/**
 * A session without configured addresses with FRR: link-local addresses learned by Router
 * Advertisements, IPv4 routes with IPv6 next hops in both kernels. Needs root and FRR.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { acceptAll } from "@heddle/bgp";
import { type Ip6, parseAsn, parseIfindex, parseIp4, parsePrefix } from "@heddle/inet";
import { openNetns } from "@heddle/native";
import { silentLog } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { KernelFib, noFib, type PeerStatus, Speaker, type SpeakerConfig } from "../src/mod.ts";
import { type Frr, Lab, until } from "./testing/lab.ts";

const frrConfig = `
frr version 8.4
frr defaults datacenter
hostname leaf
interface to-node
 ipv6 nd ra-interval 5
 no ipv6 nd suppress-ra
exit
router bgp 65201
 bgp router-id 192.0.2.201
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor to-node interface remote-as 65203
 neighbor to-node timers 3 9
 neighbor to-node timers connect 1
 neighbor to-node bfd 3 100 100
 address-family ipv4 unicast
  network 198.51.100.0/24
 exit-address-family
 address-family ipv6 unicast
  neighbor to-node activate
  network 2001:db8:51::/48
 exit-address-family
exit
`;

const families = ["ipv4-unicast", "ipv6-unicast"] as const;

describe("unnumbered against FRR", { timeout: 60_000 }, () => {
  const lab = new Lab();
  let frr: Frr;
  before(async () => {
    lab.addNamespace("leaf");
    lab.addNamespace("node");
    lab.link("leaf", "node", { a: [], b: [] });
    frr = await lab.frr("leaf", ["zebra", "bfdd", "bgpd"], frrConfig);
  });
  after(async () => {
    await lab[Symbol.asyncDispose]();
  });

  const ifindexOf = (name: string, link: string): number =>
    Number(/^(\d+):/.exec(lab.ip(name, "-o", "link", "show", link))?.[1]);
  const linkLocalOf = (name: string, link: string): string =>
    String(/inet6 (fe80::[0-9a-f:]+)\//.exec(lab.ip(name, "-6", "addr", "show", "dev", link))?.[1]);

  function config(): SpeakerConfig {
    const template = {
      ...({ asn: parseAsn(65201), kind: "fabric", families, extendedNextHop: true } as const),
      ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
    };
    return {
      ...{ asn: parseAsn(65203), routerId: parseIp4("192.0.2.203"), families, peers: [] },
      listen: [{ address: 0n as Ip6, port: 179 }],
      unnumberedPeers: [
        { name: "to-leaf", ifindex: parseIfindex(ifindexOf("node", "to-leaf")), template },
      ],
      multipath: { ebgpCountMax: 4, ibgpCountMax: 1, relaxAsPath: false },
      timers: { connectRetryMs: 1000, idleHoldMinMs: 200, idleHoldMaxMs: 1000 },
    };
  }

  test("the peer is found by its advertisements, and IPv4 goes over IPv6 next hops", async () => {
    using netns = openNetns(lab.path("node"));
    const deps = { log: silentLog, clock: systemClock, rng: systemRng };
    await using fib = await KernelFib.open({ metric: 20, netns }, deps);
    await using speaker = await Speaker.start(config(), {
      ...{ log: silentLog, fib, netns: lab.path("node") },
    });
    speaker.announce(parsePrefix("10.244.0.0/26"));
    speaker.announce(parsePrefix("fd00:10:244::/122"));
    const status = (): PeerStatus | undefined => speaker.peers()[0];
    await until("established", () => status()?.state === "Established");
    assert.equal(status()?.ifindex, ifindexOf("node", "to-leaf"));
    assert.match(String(status()?.dynamic), /^interface to-leaf/);
    assert.deepEqual(status()?.capabilities?.extendedNextHop, ["ipv4-unicast"]);
    const leaf = linkLocalOf("leaf", "to-node");
    await until("both routes in the node's kernel", () => {
      const ip4 = lab.ip("node", "route", "show", "proto", "bgp");
      const ip6 = lab.ip("node", "-6", "route", "show", "proto", "bgp");
      return (
        ip4.includes(`198.51.100.0/24 via inet6 ${leaf} dev to-leaf`) &&
        ip6.includes(`2001:db8:51::/48 via ${leaf} dev to-leaf`)
      );
    });
    const node = linkLocalOf("node", "to-leaf");
    await until("both routes in the leaf's kernel", () => {
      const ip4 = lab.ip("leaf", "route", "show", "proto", "bgp");
      const ip6 = lab.ip("leaf", "-6", "route", "show", "proto", "bgp");
      return /10\.244\.0\.0\/26 .*dev to-node/.test(ip4) && ip6.includes(`via ${node} dev to-node`);
    });
    assert.equal(speaker.peers().length, 1);
    assert.equal(status()?.establishedCount, 1);
    const [peer] = speaker.peers();
    assert.ok(peer?.ifindex !== undefined);
    const learned = [...speaker.routes({ from: peer.address, fromIfindex: peer.ifindex })];
    assert.equal(learned.filter(({ best }) => best).length, 2);
    const { unnumberedPeers: _, ...none } = config();
    speaker.reconfigure(none);
    assert.deepEqual(speaker.peers(), []);
    await until("routes gone", () => lab.ip("leaf", "route", "show", "proto", "bgp") === "");
  });

  test("BFD runs between the link-local addresses, and its failure resets the session", async () => {
    const base = config();
    const [link] = base.unnumberedPeers ?? [];
    assert.ok(link !== undefined);
    const bfd = { txIntervalMs: 100, rxIntervalMs: 100 };
    const unnumberedPeers = [{ ...link, template: { ...link.template, bfd } }];
    await using speaker = await Speaker.start(
      { ...base, unnumberedPeers },
      { log: silentLog, fib: noFib, netns: lab.path("node") },
    );
    const status = (): PeerStatus | undefined => speaker.peers()[0];
    await until("up", () => status()?.state === "Established" && status()?.bfd === "Up");
    await until("FRR is up", () => /Status: up/.test(frr.vtysh("bfdd", "show bfd peers")));
    frr.signal("bfdd", "SIGSTOP");
    try {
      const stoppedMs = performance.now();
      await until("session down", () => status()?.state !== "Established", 3000);
      assert.match(String(status()?.lastError?.message), /BFD session down/);
      assert.ok(performance.now() - stoppedMs < 1000);
    } finally {
      frr.signal("bfdd", "SIGCONT");
    }
    await until("up again", () => status()?.state === "Established" && status()?.bfd === "Up");
  });

  test("two speakers find each other without FRR", async () => {
    const side = (own: "leaf" | "node", asn: number, other: number): Promise<Speaker> => {
      const base = config();
      const [link] = base.unnumberedPeers ?? [];
      assert.ok(link !== undefined);
      const name = own === "leaf" ? "to-node" : "to-leaf";
      const ifindex = parseIfindex(ifindexOf(own, name));
      const template = { ...link.template, asn: parseAsn(other) };
      return Speaker.start(
        {
          ...base,
          ...{ asn: parseAsn(asn), routerId: parseIp4(`192.0.2.${asn - 65000}`) },
          // FRR has the port of BGP in the leaf's namespace.
          listen: own === "leaf" ? [] : base.listen,
          unnumberedPeers: [{ name, ifindex, template, advertisementIntervalMs: 3000 }],
        },
        { log: silentLog, fib: noFib, netns: lab.path(own) },
      );
    };
    await using a = await side("leaf", 65001, 65002);
    await using b = await side("node", 65002, 65001);
    await until("established", () =>
      [a, b].every((speaker) => speaker.peers()[0]?.state === "Established"),
    );
    assert.equal(typeof a.peers()[0]?.address, "bigint");
  });
});
