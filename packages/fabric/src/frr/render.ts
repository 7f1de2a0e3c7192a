/**
 * A switch configuration as an integrated FRR configuration (frr.conf), written for and tested with
 * FRR 8.4. Interfaces, addresses, VRF namespaces and VXLAN devices are the platform's, not FRR's.
 */
import type { SwitchConfig } from "../switch-config.ts";
import { renderFabricBgp, renderVrfs, renderZebra } from "./evpn.ts";
import { renderPolicy } from "./policy.ts";
import { renderTenantBgp } from "./tenant.ts";
import { renderBfd, renderInterfaces, renderOspf } from "./underlay.ts";

/**
 * Text of frr.conf, with a final newline. Every name in `config` was checked when it was parsed.
 */
export function renderFrr(config: SwitchConfig): string {
  const sections = [
    ["frr defaults datacenter", `hostname ${config.name}`, "service integrated-vtysh-config"],
    renderZebra(),
    renderVrfs(config),
    renderBfd(config),
    renderInterfaces(config),
    renderOspf(config),
    renderFabricBgp(config),
    renderTenantBgp(config),
    renderPolicy(config),
  ];
  const shown = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${shown.join("\n!\n")}\n!\nend\n`;
}
