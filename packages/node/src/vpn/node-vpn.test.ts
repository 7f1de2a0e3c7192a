/** Two nodes, two RIBs, and what one originates given to the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaulted, type Vpc, vpcKind } from "@heddle/api";
import { Rib, type RouteChange } from "@heddle/bgp";
import { type Ip4, parseAsn, parseIp4, parsePrefix, parseVrfId } from "@heddle/inet";
import { formatOriginated, type OriginatedRoute } from "@heddle/vpn";
import type { OwnBlock } from "@heddle/vrouter";
import { vrfRoutesViewOf, vrfViewsOf } from "../admin/vrf-views.ts";
import { NodeAnnouncer } from "../announcer.ts";
import { nodeMultipath } from "../bgp/speaker-config.ts";
import { realClock } from "../testing/test-cluster.ts";
import { NodeVpn, type VpnSettings, type VpnSpeaker } from "./node-vpn.ts";

const asn = parseAsn(65203);

function vpc(name: string, vrfId: number, importRouteTargets: readonly string[] = []): Vpc {
  const made = defaulted(vpcKind, {
    ...{ apiVersion: "heddle.io/v1alpha1", kind: "Vpc", metadata: { name } },
    spec: { importRouteTargets },
  });
  return { ...made, status: { conditions: [], vrfId } };
}

function block(prefix: string, vrf = 7): OwnBlock {
  return { vrf: parseVrfId(vrf), prefix: parsePrefix(prefix) };
}

function settings(lastOctet: number, vpcs: readonly Vpc[] = [vpc("red", 7)]): VpnSettings {
  const address = parseIp4(`198.18.0.${lastOctet}`);
  return { asn, routerId: address, address, vpcs, multipath: nodeMultipath };
}

/** What is originated, by id. */
class Originations implements VpnSpeaker {
  readonly routes: Map<string, OriginatedRoute> = new Map();
  readonly log: string[] = [];

  announceRoute(route: OriginatedRoute): void {
    this.routes.set(route.id, route);
    this.log.push(`+ ${textOf(route)}`);
  }

  withdrawRoute(route: OriginatedRoute): void {
    this.routes.delete(route.id);
    this.log.push(`- ${textOf(route)}`);
  }

  get texts(): string[] {
    return [...this.routes.values()].map(formatOriginated).sort();
  }
}

/** `evpn 10.0.0.0`, `route-target 65203:65203:7`. */
function textOf(route: OriginatedRoute): string {
  const text = formatOriginated(route);
  const prefix = /\[5\]:\[0\]:\[\d+\]:\[([^\]]+)\]/.exec(text);
  return prefix === null ? (text.split(" | ")[0] ?? "") : `evpn ${prefix[1]}`;
}

function newNode() {
  const speaker = new Originations();
  let vrfChanges = 0;
  const vpn = new NodeVpn({
    speaker,
    clock: realClock,
    onVrfs: () => {
      vrfChanges += 1;
    },
  });
  return { speaker, vpn, vrfChanges: () => vrfChanges };
}

/** As the best routes of a speaker whose peer has sent all of `routes`. */
function changesOf(routes: Iterable<OriginatedRoute>, routerId: Ip4): RouteChange[] {
  const families = ["evpn"] as const;
  const rib = new Rib({
    ...{ localAsn: asn, routerId, families, watchedFamilies: families },
    ...{ multipath: nodeMultipath, forwarding: false, hashSeed: 1 },
  });
  for (const { family, key, payload, attributes } of routes) {
    if (family === "evpn") rib.originateRoute(family, key, payload, attributes);
  }
  const address = parseIp4("198.18.0.2");
  const peer = rib.addPeer({ address, asn, reflectorClient: false, nextHopSelf: false });
  // Where a route came from is all that a route of the node itself differs in.
  return [...rib.takeRouteChanges()].map((change) => {
    const { best } = change;
    return best === undefined ? change : { ...change, best: { ...best, peer } };
  });
}

function shown(vpn: NodeVpn, name = "red"): string[] {
  const found = vpn.vrfs().find(({ vrf }) => vrf.name === name);
  if (found === undefined) return [];
  return vrfRoutesViewOf("node", found, 100).routes.map(
    ({ prefix, source, hops, isInstalled }) =>
      `${prefix} ${source} ${hops.join()} ${isInstalled ? "installed" : "known"}`,
  );
}

test("blocks are announced when their VPC is known, with a membership for its targets", () => {
  const { speaker, vpn, vrfChanges } = newNode();
  vpn.announce(block("10.0.0.0/26"));
  assert.deepEqual([speaker.log, vrfChanges()], [[], 1]);
  assert.match(vpn.problems.join(), /^addresses of VPCs are not announced/);
  vpn.configure(settings(11, []));
  assert.deepEqual(vpn.problems, ["addresses of VRF 7 are not announced: no Vpc has it"]);
  vpn.configure(settings(11));
  assert.deepEqual(vpn.problems, []);
  assert.deepEqual(speaker.texts, [
    "evpn 198.18.0.11:7 [5]:[0]:[26]:[10.0.0.0] esi 00:00:00:00:00:00:00:00:00:00 gateway 0.0.0.0" +
      " label 7 | next-hop 198.18.0.11 | rt:65203:7 | encap:8 | router-mac:02:0e:c6:12:00:0b",
    "route-target 65203:65203:7 | next-hop 198.18.0.11",
  ]);
});

test("one block more or less is one route, and the last takes the membership with it", () => {
  const { speaker, vpn, vrfChanges } = newNode();
  vpn.configure(settings(11));
  vpn.announce(block("10.0.0.0/26"));
  vpn.announce(block("10.0.0.64/26"));
  vpn.announce(block("fd00::/122"));
  vpn.withdraw(block("10.0.0.0/26"));
  vpn.withdraw(block("10.0.0.0/26"));
  vpn.withdraw(block("10.0.0.128/26"));
  assert.deepEqual(speaker.log.splice(0), [
    "+ evpn 10.0.0.0",
    "+ route-target 65203:65203:7",
    "+ evpn 10.0.0.64",
    "+ evpn fd00::",
    "- evpn 10.0.0.0",
  ]);
  const full = newNode();
  for (const prefix of ["fd00::/122", "10.0.0.64/26"]) full.vpn.announce(block(prefix));
  full.vpn.configure(settings(11));
  assert.deepEqual(speaker.texts, full.speaker.texts);
  vpn.withdraw(block("10.0.0.64/26"));
  vpn.withdraw(block("fd00::/122"));
  assert.deepEqual([speaker.texts, vrfChanges(), vpn.isUsed], [[], 2, false]);
});

test("another address of the node changes the routes in place, and none takes them away", () => {
  const { speaker, vpn } = newNode();
  vpn.configure(settings(11));
  vpn.announce(block("10.0.0.0/26"));
  speaker.log.splice(0);
  vpn.configure({ ...settings(11), address: parseIp4("172.16.0.3") });
  assert.deepEqual(speaker.log.splice(0), ["+ evpn 10.0.0.0", "+ route-target 65203:65203:7"]);
  assert.match(speaker.texts[0] ?? "", /next-hop 172\.16\.0\.3/);
  vpn.configure(undefined);
  assert.deepEqual([speaker.texts, vpn.vrfs()], [[], []]);
});

test("what other nodes announce is imported by target, shown, and gone with its speaker", async () => {
  const one = newNode();
  const two = newNode();
  one.vpn.configure(settings(11));
  one.vpn.announce(block("10.0.0.0/26"));
  two.vpn.configure(settings(12, [vpc("red", 7), vpc("blue", 8)]));
  two.vpn.announce(block("10.0.0.64/26"));
  two.vpn.announce(block("10.0.0.0/26", 8));
  const changes = changesOf(two.speaker.routes.values(), parseIp4("198.18.0.12"));
  assert.equal(changes.length, 2);
  await one.vpn.apply(changes);
  const own = "10.0.0.0/26 own local installed";
  const hop = "vxlan 198.18.0.12 vni 7 mac 02:0e:c6:12:00:0c";
  assert.deepEqual(shown(one.vpn), [own, `10.0.0.64/26 ip-prefix ${hop} known`]);
  assert.deepEqual(
    vrfViewsOf("node1", one.vpn.vrfs()).map((view) => [view.endpoint, view.importedRouteCount]),
    [["198.18.0.11", 1]],
  );
  // A VPC that imports the other one's target, and another address of the node: told once, kept.
  one.vpn.configure({
    ...settings(11, [vpc("red", 7, ["65203:8"])]),
    address: parseIp4("172.16.0.3"),
  });
  await one.vpn.apply([]);
  const leaked = hop.replace("vni 7", "vni 8");
  assert.deepEqual(shown(one.vpn), [
    own,
    `10.0.0.0/26 ip-prefix ${leaked} known`,
    `10.0.0.64/26 ip-prefix ${hop} known`,
  ]);
  const found = one.vpn.vrfs()[0] ?? assert.fail();
  assert.equal(vrfRoutesViewOf("node1", found, 2).omittedCount, 1);
  one.vpn.reset();
  await one.vpn.apply([]);
  assert.deepEqual(shown(one.vpn), [own]);
});

test("the native VRF is announced by unicast, the others are not", () => {
  const { speaker, vpn } = newNode();
  vpn.configure(settings(11));
  const native: string[] = [];
  const announcer = new NodeAnnouncer(
    { announce: () => native.push("+"), withdraw: () => native.push("-") },
    vpn,
  );
  for (const vrf of [0, 7]) announcer.announce(block("10.0.0.0/26", vrf));
  for (const vrf of [0, 7]) announcer.withdraw(block("10.0.0.0/26", vrf));
  assert.deepEqual(native, ["+", "-"]);
  assert.equal(speaker.log.length, 4);
});
