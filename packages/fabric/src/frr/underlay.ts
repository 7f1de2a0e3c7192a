/** Interfaces, OSPF and BFD of a switch in FRR's words. */
import { formatIp4 } from "@heddle/inet";
import type { InterfaceConfig, SwitchConfig } from "../switch-config.ts";
import { block } from "./lines.ts";

export function renderBfd({ bfd }: SwitchConfig): string[] {
  return block(
    "bfd",
    block(
      `profile ${bfd.name}`,
      [
        `detect-multiplier ${bfd.detectMultiplier}`,
        `receive-interval ${bfd.intervalMs}`,
        `transmit-interval ${bfd.intervalMs}`,
      ],
      "exit",
    ),
    "exit",
  );
}

/**
 * Addresses are the platform's: FRR 8.4 cannot set them on interfaces of a namespace-backed VRF.
 */
export function renderInterfaces(config: SwitchConfig): string[] {
  const area = `ip ospf area ${formatIp4(config.ospf.area)}`;
  const lines = block("interface lo", [area, "ip ospf passive"], "exit");
  for (const it of config.interfaces) {
    lines.push(...block(interfaceHeader(it), interfaceBody(config, it, area), "exit"));
  }
  return lines;
}

function interfaceHeader({ ifname, vrf }: InterfaceConfig): string {
  return vrf === undefined ? `interface ${ifname}` : `interface ${ifname} vrf ${vrf}`;
}

function interfaceBody(config: SwitchConfig, it: InterfaceConfig, area: string): string[] {
  const body = [`description ${it.description}`];
  if (it.ospf === "passive") body.push(area, "ip ospf passive");
  if (it.ospf === "point-to-point") {
    body.push(
      area,
      "ip ospf network point-to-point",
      `ip ospf hello-interval ${config.ospf.helloSeconds}`,
      `ip ospf dead-interval ${config.ospf.deadSeconds}`,
      "ip ospf retransmit-interval 1", // 5 s by default: how long a lost packet delays an adjacency.
      "ip ospf bfd",
      `ip ospf bfd profile ${config.bfd.name}`,
    );
  }
  return body;
}

export function renderOspf(config: SwitchConfig): string[] {
  const body = [
    `ospf router-id ${formatIp4(config.loopback)}`,
    "log-adjacency-changes",
    `maximum-paths ${config.pathCountMax}`,
  ];
  return block("router ospf", body, "exit");
}
