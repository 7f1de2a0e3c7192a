/**
 * NLRI of every family, out of few values, so that routes meet again. Nearly all are valid: what
 * changing octets at random hardly ever gets wrong is done here now and then.
 */
import type { AddressFamily } from "../../src/packet/address-family.ts";
import type { Draw } from "./draw.ts";
import { concat, u16, u32 } from "./wire.ts";

const prefixes4 = [
  [0],
  [8, 10],
  [16, 10, 1],
  [24, 10, 1, 1],
  [25, 10, 1, 1, 0x80],
  [32, 10, 1, 1, 1],
  [12, 172, 16],
];
const prefixes6 = [
  [0],
  [32, 0x20, 1, 0x0d, 0xb8],
  [48, 0x20, 1, 0x0d, 0xb8, 0, 1],
  [64, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2],
  [128, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
];
const distinguishers = [
  [0, 0, 0xfd, 0xe9, 0, 0, 0, 1],
  [0, 1, 10, 0, 0, 1, 0, 7],
  [0, 2, 0, 1, 0, 0, 0, 9],
];
const labels = [
  [0, 1, 1],
  [0, 0x27, 0x11],
  [0xff, 0xff, 0xf1],
];
const esis = [new Array<number>(10).fill(0), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]];
const macs = [
  [2, 0, 0, 0, 0, 1],
  [2, 0, 0, 0, 0, 2],
];
const address4 = [10, 0, 0, 9];
const address6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/** One route without path identifier. */
export function generateRoute(family: AddressFamily, draw: Draw, withdrawn: boolean): Uint8Array {
  switch (family) {
    case "ipv4-unicast":
      return Uint8Array.from(withHostBits(pick4(draw), draw));
    case "ipv6-unicast":
      return Uint8Array.from(withHostBits(pick6(draw), draw));
    case "ipv4-vpn":
      return vpnRoute(pick4(draw), draw, withdrawn);
    case "ipv6-vpn":
      return vpnRoute(pick6(draw), draw, withdrawn);
    case "evpn":
      return evpnRoute(draw);
    case "route-target":
      return routeTarget(draw);
    case "ipv4-flowspec":
      return flowSpec(pick4(draw), draw);
    case "ipv6-flowspec": {
      const [length = 0, ...octets] = pick6(draw);
      return flowSpec([length, 0, ...octets], draw);
    }
  }
}

function pick4(draw: Draw): readonly number[] {
  return draw.oneIn(2) ? draw.pick(prefixes4) : [24, 10, 1, draw.below(64)];
}

function pick6(draw: Draw): readonly number[] {
  return draw.oneIn(2) ? draw.pick(prefixes6) : [64, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, draw.below(64)];
}

/** Sometimes sets the bits behind the prefix, which mean nothing (RFC 4271 4.3). */
function withHostBits(prefix: readonly number[], draw: Draw): number[] {
  const [bits = 0, ...octets] = prefix;
  if (bits % 8 === 0 || !draw.oneIn(4)) return [...prefix];
  const last = octets.pop() as number;
  return [bits, ...octets, last | (0xff >> (bits % 8))];
}

function vpnRoute(prefix: readonly number[], draw: Draw, withdrawn: boolean): Uint8Array {
  const [bits = 0, ...octets] = withHostBits(prefix, draw);
  // A label stack without a bottom.
  if (!withdrawn && draw.oneIn(60)) {
    return concat([[24 + 64 + bits], [0, 1, 0], [2, 2, 2, 2, 2, 2, 2, 2], octets]);
  }
  const label = withdrawn ? draw.pick([[0x80, 0, 0], [0, 0, 0], ...labels]) : draw.pick(labels);
  return concat([[24 + 64 + bits], label, draw.pick(distinguishers), octets]);
}

function evpnRoute(draw: Draw): Uint8Array {
  const rd = draw.pick(distinguishers);
  const esi = draw.pick(esis);
  const tag = u32(draw.pick([0, 10]));
  const ip = draw.pick([[0], [32, ...address4], [128, ...address6]]);
  const host = draw.pick([
    [32, ...address4],
    [128, ...address6],
  ]);
  const label = draw.pick(labels);
  switch (1 + draw.below(6)) {
    case 1:
      return evpn(1, [rd, esi, tag, label]);
    case 2:
      return evpn(2, [rd, esi, tag, [48], draw.pick(macs), ip, ...draw.list(1, 2, () => label)]);
    case 3:
      return evpn(3, [rd, tag, host]);
    case 4:
      return evpn(4, [rd, esi, host]);
    case 5: {
      const [bits = 0, ...octets] = draw.pick([pick4(draw), pick6(draw)]);
      const width = bits > 32 || octets[0] === 0x20 ? 16 : 4;
      const padded = [...octets, ...new Array<number>(width - octets.length).fill(0)];
      return evpn(5, [rd, esi, tag, [bits], padded, new Array<number>(width).fill(0), label]);
    }
    default:
      return evpn(draw.pick([6, 9, 200]), [rd, draw.bytes(draw.below(9))]);
  }
}

function evpn(type: number, parts: readonly (readonly number[])[]): Uint8Array {
  const value = parts.flat();
  return Uint8Array.from([type, value.length, ...value]);
}

function routeTarget(draw: Draw): Uint8Array {
  const target = [0, 2, 0xfd, 0xe9, 0, 0, 0, draw.below(4)];
  const bits = draw.pick([0, 32, 96, 96, 96, 80, 93]);
  const octets = [...u32(65001), ...target].slice(0, (bits + 7) >> 3);
  return Uint8Array.from(withHostBits([bits, ...octets], draw));
}

function flowSpec(destination: readonly number[], draw: Draw): Uint8Array {
  const components: number[][] = [];
  if (!draw.oneIn(4)) components.push([1, ...destination]);
  if (draw.oneIn(2)) components.push([3, 0x81, draw.pick([6, 17])]);
  if (draw.oneIn(2)) components.push([5, 0x13, ...u16(1000), 0xd5, ...u16(2000)]);
  if (components.length === 0 || draw.oneIn(4)) components.push([9, 0x81, 2]);
  // RFC 8955 4.1: 240 octets and more take two octets of length.
  if (draw.oneIn(16)) {
    const values = draw.list(130, 140, () => [0x01, draw.below(256)]);
    components.push([10, ...values.flat(), 0x81, 1]);
  }
  // RFC 8955 4.1: in the order of their types, each once.
  if (draw.oneIn(60)) components.push([...(components[0] as number[])]);
  const value = components.flat();
  const length = value.length < 240 ? [value.length] : u16(0xf000 | value.length);
  return concat([length, value]);
}
