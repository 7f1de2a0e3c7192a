/** The sessions between switches: iBGP with the EVPN address family only. */
import { formatIp4 } from "@heddle/inet";
import type { SwitchConfig } from "../switch-config.ts";
import { block, optionalBlock } from "./lines.ts";

const group = "FABRIC";

export function renderFabricBgp(config: SwitchConfig): string[] {
  const loopback = formatIp4(config.loopback);
  const body = [
    `bgp router-id ${loopback}`,
    "bgp log-neighbor-changes",
    "no bgp default ipv4-unicast",
    ...(config.evpn.reflector ? [`bgp cluster-id ${loopback}`] : []),
    `neighbor ${group} peer-group`,
    `neighbor ${group} remote-as ${config.asn}`,
    `neighbor ${group} update-source ${loopback}`,
    `neighbor ${group} timers 3 9`,
    `neighbor ${group} timers connect 1`,
  ];
  for (const peer of config.evpn.peers) {
    const address = formatIp4(peer.address);
    body.push(`neighbor ${address} peer-group ${group}`);
    body.push(`neighbor ${address} description ${peer.name}`);
  }
  body.push(...block("address-family l2vpn evpn", evpnBody(config), "exit-address-family"));
  return block(`router bgp ${config.asn}`, body, "exit");
}

function evpnBody({ evpn }: SwitchConfig): string[] {
  return [
    `neighbor ${group} activate`,
    evpn.reflector ? `neighbor ${group} route-reflector-client` : "advertise-all-vni",
  ];
}

/**
 * zebra takes in one message of bgpd at a time and works it off before the next. When it reads the
 * withdrawal of a prefix and its return together, FRR 8.4.4 enters the router MAC at once, which
 * changes nothing, and then works off the withdrawal, which removes it: the VTEP's routes stay and
 * lead nowhere until the prefix goes again. By experiment, when a whole fabric stood still for 3 s.
 */
export function renderZebra(): string[] {
  return ["zebra zapi-packets 1", "zebra work-queue 0"];
}

/** The L3VNI of each VRF; zebra finds the VRF's namespace by its name. */
export function renderVrfs({ vrfs }: SwitchConfig): string[] {
  return vrfs.flatMap(({ name, vni }) => optionalBlock(`vrf ${name}`, [`vni ${vni}`], "exit-vrf"));
}
