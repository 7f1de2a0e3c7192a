/**
 * MPLS labels in NLRI (RFC 8277 2.2): entries of a label stack without TTL, three octets each.
 *
 *      label (20) | traffic class (3) | S, bottom of stack (1)
 *
 * EVPN over VXLAN puts a VNI into all 24 bits of the same field (RFC 8365 5.1.3); which of the two
 * it is, the encapsulation tells and not the field.
 */
import { BgpError } from "../../errors.ts";

export const labelLength = 3;
/** The field of a withdrawn route (RFC 8277 2.4), which the receiver ignores. */
export const withdrawnLabel = 0x800000;

export const mplsLabelMax = 0xfffff;

/** The MPLS label (0 to 2^20-1) of a label field. */
export function mplsLabelOf(field: number): number {
  return field >>> 4;
}

/**
 * The label field of the last, or only, label of a stack. @throws BgpError `encode` when `label`
 * does not fit 20 bits
 */
export function mplsLabelField(label: number, bottomOfStack = true): number {
  if (!Number.isInteger(label) || label < 0 || label > mplsLabelMax) {
    throw new BgpError("encode", `Cannot encode MPLS label: ${label}, want 0 to ${mplsLabelMax}`);
  }
  return (label << 4) | (bottomOfStack ? 1 : 0);
}

export function readLabelField(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
  );
}

export function writeLabelField(bytes: Uint8Array, at: number, field: number): number {
  bytes[at] = field >>> 16;
  bytes[at + 1] = field >>> 8;
  bytes[at + 2] = field;
  return at + labelLength;
}

/** @throws BgpError `encode` when `field` does not fit 24 bits */
export function checkedLabelField(field: number): number {
  if (!Number.isInteger(field) || field < 0 || field > 0xffffff) {
    throw new BgpError("encode", `Cannot encode label field: ${field}, want 0 to ${0xffffff}`);
  }
  return field;
}

/** Octets of a stack of MPLS labels, top first; the last one has the S bit. @throws BgpError `encode` */
export function encodeLabelStack(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * labelLength);
  for (const [i, label] of labels.entries()) {
    writeLabelField(bytes, i * labelLength, mplsLabelField(label, i === labels.length - 1));
  }
  return bytes;
}

/** The MPLS labels of a stack, top first. */
export function decodeLabelStack(stack: Uint8Array): number[] {
  const labels: number[] = [];
  for (let at = 0; at + labelLength <= stack.length; at += labelLength) {
    labels.push(mplsLabelOf(readLabelField(stack, at)));
  }
  return labels;
}
