/** For tests: routes of the families that are named by keys. */
import {
  esiFromBytes,
  parseIp4,
  parseMac,
  parsePrefix,
  type RouteDistinguisher,
  routeDistinguisherFromBigint,
} from "@heddle/inet";
import { encodeEvpnRoute } from "../../packet/nlri/evpn-route.ts";
import { encodeVpnRoute } from "../../packet/nlri/vpn.ts";
import type { TestRoute } from "./family-view.ts";

const rd: RouteDistinguisher = routeDistinguisherFromBigint(1n);

export function routeTarget(n: number): bigint {
  return 0x0002_fde8_0000_0000n + BigInt(n);
}

export function vpn(prefix: string, label: number): TestRoute {
  const encoded = encodeVpnRoute({ rd, prefix: parsePrefix(prefix), labels: [label] });
  return { family: "ipv4-vpn", ...encoded };
}

export function macIp(mac: string, label: number): TestRoute {
  const common = {
    kind: "mac-ip",
    rd,
    ethernetTag: 0,
    esi: esiFromBytes(new Uint8Array(10)),
  } as const;
  return { family: "evpn", ...encodeEvpnRoute({ ...common, mac: parseMac(mac), label }) };
}

export function multicast(): TestRoute {
  const originator = parseIp4("192.0.2.9");
  const route = { kind: "inclusive-multicast", rd, ethernetTag: 0, originator } as const;
  return { family: "evpn", ...encodeEvpnRoute(route) };
}

export function membership(bits: number, asn: number, target: bigint): TestRoute {
  const key = new Uint8Array(bits === 0 ? 1 : 1 + ((bits + 7) >> 3));
  key[0] = bits;
  const octets = new DataView(new ArrayBuffer(12));
  octets.setUint32(0, asn);
  octets.setBigUint64(4, target);
  for (let i = 1; i < key.length; i += 1) key[i] = octets.getUint8(i - 1);
  return { family: "route-target", key, payload: new Uint8Array(0) };
}
