/**
 * Capabilities of an OPEN (RFC 5492). What is not known here survives as bytes.
 *
 *      code (1) | length (1) | value (variable)
 */
import { Reader, type Writer } from "@heddle/codec";
import { DecodeError } from "../errors.ts";
import { capabilityCodes, errorCodes, openSubcodes } from "./iana.ts";

/** A family in the Graceful Restart capability. */
export interface GracefulRestartFamily {
  readonly afi: number;
  readonly safi: number;
  /** F bit: forwarding state was kept across the restart. */
  readonly forwarding: boolean;
}

/**
 * RFC 4724 3.
 *
 *      R (1 bit) | N (1 bit, RFC 8538) | reserved (2 bits) | restart time (12 bits, seconds)
 *      { AFI (2) | SAFI (1) | F (1 bit) and reserved (7 bits) } ...
 */
export interface GracefulRestartCapability {
  readonly kind: "graceful-restart";
  /** R bit: the sender has restarted and wants no wait for its own End-of-RIB. */
  readonly restarting: boolean;
  /** N bit: a NOTIFICATION does not end the retention of routes (RFC 8538). */
  readonly notification: boolean;
  /** 0 to 4095. */
  readonly restartTimeS: number;
  readonly families: readonly GracefulRestartFamily[];
}

export type Capability =
  /** RFC 4760 8. */
  | { readonly kind: "multiprotocol"; readonly afi: number; readonly safi: number }
  /** RFC 2918. */
  | { readonly kind: "route-refresh" }
  /** RFC 7313. */
  | { readonly kind: "enhanced-route-refresh" }
  /** RFC 8654. */
  | { readonly kind: "extended-message" }
  /** RFC 9234 4.1; read only. */
  | { readonly kind: "role"; readonly role: number }
  /** RFC 6793 3; uint32. */
  | { readonly kind: "four-octet-as"; readonly asn: number }
  | GracefulRestartCapability
  | { readonly kind: "unknown"; readonly code: number; readonly value: Uint8Array };

/** Decodes the capabilities of one optional parameter. @throws DecodeError `reset` (RFC 5492 5) */
export function decodeCapabilities(r: Reader): Capability[] {
  const capabilities: Capability[] = [];
  while (r.left > 0) {
    if (r.left < 2) throw malformed("a header is cut short");
    const code = r.u8();
    const length = r.u8();
    if (length > r.left) throw malformed(`capability ${code} overruns its parameter`);
    capabilities.push(decodeCapability(code, r.bytes(length)));
  }
  return capabilities;
}

function decodeCapability(code: number, value: Uint8Array): Capability {
  const r = new Reader(value);
  switch (code) {
    case capabilityCodes.multiprotocol: {
      expectLength(code, value, 4);
      const afi = r.u16();
      r.skip(1);
      return { kind: "multiprotocol", afi, safi: r.u8() };
    }
    case capabilityCodes.routeRefresh:
      expectLength(code, value, 0);
      return { kind: "route-refresh" };
    case capabilityCodes.enhancedRouteRefresh:
      expectLength(code, value, 0);
      return { kind: "enhanced-route-refresh" };
    case capabilityCodes.extendedMessage:
      expectLength(code, value, 0);
      return { kind: "extended-message" };
    case capabilityCodes.role:
      expectLength(code, value, 1);
      return { kind: "role", role: r.u8() };
    case capabilityCodes.fourOctetAs:
      expectLength(code, value, 4);
      return { kind: "four-octet-as", asn: r.u32() };
    case capabilityCodes.gracefulRestart:
      return decodeGracefulRestart(value);
    default:
      return { kind: "unknown", code, value: new Uint8Array(value) };
  }
}

function decodeGracefulRestart(value: Uint8Array): GracefulRestartCapability {
  if (value.length < 2 || (value.length - 2) % 4 !== 0) {
    throw malformed(`capability 64 has length ${value.length}, want 2 plus a multiple of 4`);
  }
  const r = new Reader(value);
  const head = r.u16();
  const families: GracefulRestartFamily[] = [];
  while (r.left > 0) {
    families.push({ afi: r.u16(), safi: r.u8(), forwarding: (r.u8() & 0x80) !== 0 });
  }
  return {
    kind: "graceful-restart",
    restarting: (head & 0x8000) !== 0,
    notification: (head & 0x4000) !== 0,
    restartTimeS: head & 0x0fff,
    families,
  };
}

function expectLength(code: number, value: Uint8Array, want: number): void {
  if (value.length !== want) {
    throw malformed(`capability ${code} has length ${value.length}, want ${want}`);
  }
}

/** RFC 4271 6.2: a recognised but malformed parameter is Unspecific. */
function malformed(why: string): DecodeError {
  return new DecodeError(
    `Cannot decode capabilities: ${why}`,
    "reset",
    errorCodes.openMessage,
    openSubcodes.unspecific,
  );
}

export function encodeCapability(w: Writer, capability: Capability): void {
  w.u8(codeOf(capability)).u8(0);
  const start = w.length;
  encodeValue(w, capability);
  w.patchU8(start - 1, w.length - start);
}

function codeOf(capability: Capability): number {
  switch (capability.kind) {
    case "multiprotocol":
      return capabilityCodes.multiprotocol;
    case "route-refresh":
      return capabilityCodes.routeRefresh;
    case "enhanced-route-refresh":
      return capabilityCodes.enhancedRouteRefresh;
    case "extended-message":
      return capabilityCodes.extendedMessage;
    case "role":
      return capabilityCodes.role;
    case "four-octet-as":
      return capabilityCodes.fourOctetAs;
    case "graceful-restart":
      return capabilityCodes.gracefulRestart;
    case "unknown":
      return capability.code;
  }
}

function encodeValue(w: Writer, capability: Capability): void {
  switch (capability.kind) {
    case "multiprotocol":
      w.u16(capability.afi).u8(0).u8(capability.safi);
      break;
    case "role":
      w.u8(capability.role);
      break;
    case "four-octet-as":
      w.u32(capability.asn);
      break;
    case "graceful-restart":
      encodeGracefulRestart(w, capability);
      break;
    case "unknown":
      w.bytes(capability.value);
      break;
    default:
      // The others are their code alone.
      break;
  }
}

function encodeGracefulRestart(w: Writer, capability: GracefulRestartCapability): void {
  const flags = (capability.restarting ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0);
  w.u16(flags | (capability.restartTimeS & 0x0fff));
  for (const family of capability.families) {
    w.u16(family.afi)
      .u8(family.safi)
      .u8(family.forwarding ? 0x80 : 0);
  }
}
