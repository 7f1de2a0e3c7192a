/** Numbers of the field with a name of their own. */
import type { Brand } from "@heddle/std";
import { ParseError } from "./errors.ts";

/** Autonomous system number, 1 to 2^32-1 (RFC 6793); 0 is reserved (RFC 7607). */
export type Asn = Brand<number, "Asn">;
/** VXLAN network identifier, 1 to 2^24-1 (RFC 7348). */
export type Vni = Brand<number, "Vni">;
/** Index of a VRF in the data plane, uint32; 0 is the default VRF. */
export type VrfId = Brand<number, "VrfId">;
/** Kernel interface index, 1 to 2^31-1. */
export type Ifindex = Brand<number, "Ifindex">;

/** Accepts asplain and asdot (RFC 5396). @throws ParseError */
export function parseAsn(text: string | number): Asn {
  const asdot = /^(\d{1,5})\.(\d{1,5})$/.exec(String(text));
  const value =
    asdot === null
      ? integer("AS number", text)
      : asdotValue(text, Number(asdot[1]), Number(asdot[2]));
  return inRange("AS number", text, value, 1, 0xffffffff) as Asn;
}

function asdotValue(text: string | number, high: number, low: number): number {
  inRange("AS number", text, high, 0, 65535);
  inRange("AS number", text, low, 0, 65535);
  return high * 65536 + low;
}

/** @throws ParseError */
export function parseVni(text: string | number): Vni {
  return inRange("VNI", text, integer("VNI", text), 1, 0xffffff) as Vni;
}

/** @throws ParseError */
export function parseVrfId(text: string | number): VrfId {
  return inRange("VRF id", text, integer("VRF id", text), 0, 0xffffffff) as VrfId;
}

/** @throws ParseError */
export function parseIfindex(text: string | number): Ifindex {
  return inRange("ifindex", text, integer("ifindex", text), 1, 0x7fffffff) as Ifindex;
}

function integer(type: string, text: string | number): number {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(String(text))) {
    throw new ParseError(type, String(text), "want a decimal integer");
  }
  return Number(text);
}

function inRange(
  type: string,
  text: string | number,
  value: number,
  min: number,
  max: number,
): number {
  if (value < min || value > max) {
    throw new ParseError(type, String(text), `${value}, want ${min} to ${max}`);
  }
  return value;
}
