/**
 * Ethernet segment identifiers (RFC 7432 5): ten octets as one 80-bit value, the type octet most
 * significant. 0 stands for a single-homed site, all ones for MAX-ESI.
 */
import type { Brand } from "@heddle/std";
import { ParseError } from "./errors.ts";

export type Esi = Brand<bigint, "Esi">;

const octetCount = 10;

/** Ten octets in hexadecimal, separated by colons. @throws ParseError */
export function parseEsi(text: string): Esi {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){9}$/.test(text)) {
    throw new ParseError("ESI", text, "want ten octets in hexadecimal, separated by colons");
  }
  return BigInt(`0x${text.replaceAll(":", "")}`) as Esi;
}

export function formatEsi(esi: Esi): string {
  return (
    esi
      .toString(16)
      .padStart(octetCount * 2, "0")
      .match(/../g) as string[]
  ).join(":");
}

/** Ten bytes, the order of the wire. */
export function esiToBytes(esi: Esi): Uint8Array {
  const bytes = new Uint8Array(octetCount);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Number(esi >> 64n));
  view.setBigUint64(2, esi & 0xffffffffffffffffn);
  return bytes;
}

/** @throws ParseError when `bytes` is not ten long. */
export function esiFromBytes(bytes: Uint8Array): Esi {
  if (bytes.length !== octetCount) throw new ParseError("ESI", `${bytes.length} bytes`, "want 10");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return ((BigInt(view.getUint16(0)) << 64n) | view.getBigUint64(2)) as Esi;
}
