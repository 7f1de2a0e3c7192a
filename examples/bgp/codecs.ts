/** Routes and messages as bytes, values and text. `node examples/bgp/codecs.ts` prints them. */
import {
  ceaseSubcodes,
  ceaseWithText,
  decodeNotification,
  decodeOpen,
  encodeEvpnRoute,
  encodeNotification,
  encodeOpen,
  formatExtendedCommunity,
  formatNotification,
  headerLength,
  nlriCodecOf,
  openOf,
  parseExtendedCommunity,
} from "@heddle/bgp";
import {
  parseAsn,
  parseEsi,
  parseIp,
  parseIp4,
  parseMac,
  parseRouteDistinguisher,
} from "@heddle/inet";
import { must } from "@heddle/std";

export function runCodecs(): string[] {
  const open = encodeOpen(
    openOf({
      asn: parseAsn(4_200_000_001),
      routerId: parseIp4("192.0.2.1"),
      holdTimeMs: 9000,
      families: ["ipv4-unicast", "evpn"],
    }),
  );
  const { asn, holdTimeS, capabilities } = decodeOpen(open.subarray(headerLength));
  const kinds = capabilities.map(({ kind }) => kind).join(" ");

  // A route of a keyed family is what identifies it, and what may differ from path to path.
  const { key, payload } = encodeEvpnRoute({
    kind: "mac-ip",
    rd: parseRouteDistinguisher("192.0.2.1:7"),
    ethernetTag: 0,
    mac: parseMac("02:00:00:00:00:07"),
    ip: parseIp("10.0.0.7"),
    esi: parseEsi("00:00:00:00:00:00:00:00:00:00"),
    label: 10_007,
  });
  const evpn = must(nlriCodecOf("evpn"), "EVPN routes have keys");
  const text = evpn.format(key);

  const target = parseExtendedCommunity("rt:64512:7");
  const cause = ceaseWithText(ceaseSubcodes.administrativeShutdown, "ticket 4711");
  const shutdown = decodeNotification(encodeNotification(cause).subarray(headerLength));
  return [
    `OPEN of AS ${asn}, hold time ${holdTimeS} s: ${kinds}`,
    `${evpn.format(key, payload)}; the key alone reads back: ${same(evpn.parse(text), key)}`,
    `${formatExtendedCommunity(target)} is 0x${target.toString(16).padStart(16, "0")}`,
    formatNotification(shutdown),
  ];
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

if (import.meta.main) console.log(runCodecs().join("\n"));
