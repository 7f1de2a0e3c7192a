/** IEEE 802 MAC addresses as 48-bit numbers, most significant octet first. */
import type { Brand } from "@heddle/std";
import { ParseError } from "./errors.ts";

export type Mac = Brand<number, "Mac">;

/** @throws ParseError */
export function parseMac(text: string): Mac {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(text)) {
    throw new ParseError(
      "MAC address",
      text,
      "want six octets in hexadecimal, separated by colons",
    );
  }
  return Number.parseInt(text.replaceAll(":", ""), 16) as Mac;
}

export function formatMac(mac: Mac): string {
  return (mac.toString(16).padStart(12, "0").match(/../g) as string[]).join(":");
}

/** Six bytes, the order of the wire. */
export function macToBytes(mac: Mac): Uint8Array {
  const bytes = new Uint8Array(6);
  let rest: number = mac;
  for (let i = 5; i >= 0; i -= 1) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** @throws ParseError when `bytes` is not six long. */
export function macFromBytes(bytes: Uint8Array): Mac {
  if (bytes.length !== 6)
    throw new ParseError("MAC address", `${bytes.length} bytes`, "want 6 bytes");
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value as Mac;
}

/**
 * A locally administered unicast address (bit 1 of the first octet) with the low 40 bits of
 * `value`.
 */
export function localMac(value: number): Mac {
  const low = value % 2 ** 40;
  return (0x02 * 2 ** 40 + low) as Mac;
}
