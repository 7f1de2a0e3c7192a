/**
 * BGP inside a VRF: sessions to nodes, and what passes between them and EVPN.
 *
 * The default route of nodes is originated by each leaf, not learned from a border: pods of other
 * racks are behind it too, and must not depend on the way out. A leaf offers it only while it holds
 * a route of another VTEP (its community says so), so a leaf that has lost all spines stops
 * attracting what it cannot deliver; FRR re-evaluates that condition within 5 s of a change.
 *
 * What FRR 8.4.4 makes necessary, each found by experiment:
 * - `aggregate-address … summary-only` does not suppress the longer prefixes in EVPN, so nothing
 *   relies on suppression: aggregate and longer prefixes are both announced. A node that loses one
 *   leaf needs the longer ones anyway: with the aggregate alone the other leaf still attracts, and
 *   drops, its traffic.
 * - With a single prefix per remote VTEP, an ECMP leg that flaps loses its router MAC;
 *   `redistribute connected` gives every VTEP several.
 * - A peer is configured by its exact address: `bgp listen range` accepts whoever sits on the link.
 */
import { formatIp, formatPrefix, formatRouteDistinguisher, formatRouteTarget } from "@heddle/inet";
import type { NodePeer, SwitchConfig, VrfConfig } from "../switch-config.ts";
import { block } from "./lines.ts";
import { type FamilyName, families, policyNames } from "./names.ts";

const group = "NODES";

export function renderTenantBgp(config: SwitchConfig): string[] {
  return config.vrfs.flatMap((vrf) => {
    const body = [
      `bgp router-id ${formatIp(config.loopback)}`,
      "bgp log-neighbor-changes",
      "no bgp default ipv4-unicast",
      "bgp graceful-restart",
      "bgp graceful-restart preserve-fw-state",
      ...renderPeers(config, vrf),
    ];
    for (const family of families) body.push(...renderUnicast(config, vrf, family));
    body.push(...renderExport(vrf));
    return block(`router bgp ${config.asn} vrf ${vrf.name}`, body, "exit");
  });
}

/** The AS is set per peer, so that a peer with another one is refused at its OPEN. */
function renderPeers(config: SwitchConfig, { peers }: VrfConfig): string[] {
  if (peers.length === 0) return [];
  const lines = [
    `neighbor ${group} peer-group`,
    `neighbor ${group} bfd profile ${config.bfd.name}`,
    `neighbor ${group} timers 3 9`,
    `neighbor ${group} timers connect 1`,
    `neighbor ${group} enforce-first-as`,
  ];
  for (const peer of peers) {
    const address = formatIp(peer.address);
    lines.push(`neighbor ${address} remote-as ${peer.asn}`);
    lines.push(`neighbor ${address} peer-group ${group}`);
    lines.push(`neighbor ${address} description ${peer.name}`);
  }
  return lines;
}

function renderUnicast(config: SwitchConfig, vrf: VrfConfig, family: FamilyName): string[] {
  const body = ["redistribute connected"];
  for (const aggregate of vrf.aggregates) {
    if (aggregate.family === family.number) {
      body.push(`aggregate-address ${formatPrefix(aggregate)}`);
    }
  }
  if (vrf.peers.length > 0) body.push(...renderNodePolicy(vrf, family));
  body.push(`maximum-paths ${config.pathCountMax}`, `maximum-paths ibgp ${config.pathCountMax}`);
  return block(`address-family ${family.word} unicast`, body, "exit-address-family");
}

function renderNodePolicy(vrf: VrfConfig, family: FamilyName): string[] {
  const names = policyNames(vrf, family);
  const originate = `neighbor ${group} default-originate`;
  return [
    `neighbor ${group} activate`,
    vrf.defaultNeedsFabric ? `${originate} route-map ${names.defaultWhen}` : originate,
    `neighbor ${group} route-map ${names.fromNodes} in`,
    `neighbor ${group} route-map ${names.toNodes} out`,
    ...vrf.peers.map(limitOf),
  ];
}

/** Beyond the limit the session closes, and tries again after a minute. */
function limitOf(peer: NodePeer): string {
  return `neighbor ${formatIp(peer.address)} maximum-prefix ${peer.prefixCountMax} 80 restart 1`;
}

function renderExport(vrf: VrfConfig): string[] {
  const target = formatRouteTarget(vrf.routeTarget);
  const body = [
    `rd ${formatRouteDistinguisher(vrf.routeDistinguisher)}`,
    `route-target import ${target}`,
    `route-target export ${target}`,
    ...families.map(
      (family) => `advertise ${family.word} unicast route-map ${policyNames(vrf, family).toEvpn}`,
    ),
  ];
  return block("address-family l2vpn evpn", body, "exit-address-family");
}
