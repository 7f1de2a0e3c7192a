/**
 * Capabilities of an OPEN (RFC 5492). What is not known here survives as bytes.
 *
 *      code (1) | length (1) | value (variable)
 */
import { Reader, type Writer } from "@heddle/codec";
import { BgpError, DecodeError } from "../errors.ts";
import { addPathModes, capabilityCodes, errorCodes, openSubcodes } from "./iana.ts";

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

/** A family in the ADD-PATH capability, as its sender sees it. */
export interface AddPathFamily {
  readonly afi: number;
  readonly safi: number;
  /** The sender takes several paths to a prefix. */
  readonly receive: boolean;
  /** The sender has several paths to a prefix to send. */
  readonly send: boolean;
}

/**
 * RFC 7911 4.
 *
 *      { AFI (2) | SAFI (1) | Send/Receive (1): 1 receive, 2 send, 3 both } ...
 */
export interface AddPathCapability {
  readonly kind: "add-path";
  readonly families: readonly AddPathFamily[];
}

/**
 * RFC 8950 4: NLRI of the family may have a next hop of `nextHopAfi`.
 *
 *      { NLRI AFI (2) | NLRI SAFI (2) | Next Hop AFI (2) } ...
 */
export interface ExtendedNextHopCapability {
  readonly kind: "extended-next-hop";
  readonly families: readonly {
    readonly afi: number;
    readonly safi: number;
    readonly nextHopAfi: number;
  }[];
}

/** A family in the Long-Lived Graceful Restart capability. */
export interface LongLivedFamily extends GracefulRestartFamily {
  /** Long-lived stale time, 0 to 2^24-1. */
  readonly staleTimeS: number;
}

/**
 * RFC 9494 3.
 *
 *      { AFI (2) | SAFI (1) | F (1 bit) and reserved (7 bits) | stale time (3, seconds) } ...
 */
export interface LongLivedCapability {
  readonly kind: "long-lived-graceful-restart";
  readonly families: readonly LongLivedFamily[];
}

/**
 * draft-walton-bgp-hostname-capability: how the sender calls itself. Text of a peer goes to logs
 * and terminals: control characters are replaced by spaces.
 *
 *      host name length (1) | host name (UTF-8) | domain name length (1) | domain name (UTF-8)
 */
export interface FqdnCapability {
  readonly kind: "fqdn";
  readonly hostName: string;
  readonly domainName: string;
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
  /** RFC 9234 4.1: see `roleCodes`; the role of the sender. */
  | { readonly kind: "role"; readonly role: number }
  /** RFC 6793 3; uint32. */
  | { readonly kind: "four-octet-as"; readonly asn: number }
  | GracefulRestartCapability
  | LongLivedCapability
  | AddPathCapability
  | ExtendedNextHopCapability
  | FqdnCapability
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
    case capabilityCodes.longLivedGracefulRestart:
      return decodeLongLived(code, value);
    case capabilityCodes.addPath:
      return decodeAddPath(code, value);
    case capabilityCodes.extendedNextHop:
      return decodeExtendedNextHop(code, value);
    case capabilityCodes.fqdn:
      return decodeFqdn(value) ?? unknown(code, value);
    default:
      return unknown(code, value);
  }
}

function unknown(code: number, value: Uint8Array): Capability {
  return { kind: "unknown", code, value: new Uint8Array(value) };
}

function decodeGracefulRestart(value: Uint8Array): GracefulRestartCapability {
  if (value.length < 2 || (value.length - 2) % 4 !== 0) {
    throw malformed(`capability 64 has length ${value.length}, want 2 plus a multiple of 4`);
  }
  const r = new Reader(value);
  const head = r.u16();
  const families: GracefulRestartFamily[] = [];
  while (r.left > 0) families.push(decodeForwardingFamily(r));
  return {
    kind: "graceful-restart",
    restarting: (head & 0x8000) !== 0,
    notification: (head & 0x4000) !== 0,
    restartTimeS: head & 0x0fff,
    families,
  };
}

function decodeForwardingFamily(r: Reader): GracefulRestartFamily {
  return { afi: r.u16(), safi: r.u8(), forwarding: (r.u8() & 0x80) !== 0 };
}

function decodeLongLived(code: number, value: Uint8Array): LongLivedCapability {
  const families = readTuples(code, value, 7, (r) => {
    const family = decodeForwardingFamily(r);
    return { ...family, staleTimeS: (r.u8() << 16) | r.u16() };
  });
  return { kind: "long-lived-graceful-restart", families };
}

/** RFC 7911 4: a tuple with another Send/Receive value is ignored. */
function decodeAddPath(code: number, value: Uint8Array): AddPathCapability {
  const all = readTuples(code, value, 4, (r) => ({ afi: r.u16(), safi: r.u8(), mode: r.u8() }));
  const families = all
    .filter(({ mode }) => mode >= addPathModes.receive && mode <= addPathModes.both)
    .map(({ afi, safi, mode }) => {
      const receive = (mode & addPathModes.receive) !== 0;
      return { afi, safi, receive, send: (mode & addPathModes.send) !== 0 };
    });
  return { kind: "add-path", families };
}

function decodeExtendedNextHop(code: number, value: Uint8Array): ExtendedNextHopCapability {
  const families = readTuples(code, value, 6, (r) => ({
    afi: r.u16(),
    safi: r.u16(),
    nextHopAfi: r.u16(),
  }));
  return { kind: "extended-next-hop", families };
}

function readTuples<T>(
  code: number,
  value: Uint8Array,
  length: number,
  readOne: (r: Reader) => T,
): T[] {
  if (value.length % length !== 0) {
    throw malformed(`capability ${code} has length ${value.length}, want a multiple of ${length}`);
  }
  const r = new Reader(value);
  const all: T[] = [];
  while (r.left > 0) all.push(readOne(r));
  return all;
}

/** Undefined when the lengths do not fit: a name is not worth a session, and no RFC asks for it. */
function decodeFqdn(value: Uint8Array): FqdnCapability | undefined {
  const hostLength = value[0];
  if (hostLength === undefined) return undefined;
  const domainLength = value[1 + hostLength];
  if (domainLength === undefined || 2 + hostLength + domainLength !== value.length) {
    return undefined;
  }
  const hostName = textOf(value.subarray(1, 1 + hostLength));
  return { kind: "fqdn", hostName, domainName: textOf(value.subarray(2 + hostLength)) };
}

function textOf(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8", { fatal: false }).decode(bytes);
  return text.replace(/\p{Cc}/gu, " ");
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

/** @throws BgpError `encode` when the value takes more than 255 octets */
export function encodeCapability(w: Writer, capability: Capability): void {
  w.u8(codeOf(capability)).u8(0);
  const start = w.length;
  encodeValue(w, capability);
  const length = w.length - start;
  if (length > 255) {
    const why = `${capability.kind} takes ${length} octets, want at most 255`;
    throw new BgpError("encode", `Cannot encode capability: ${why}`);
  }
  w.patchU8(start - 1, length);
}

const codes: Readonly<Record<Exclude<Capability["kind"], "unknown">, number>> = {
  multiprotocol: capabilityCodes.multiprotocol,
  "route-refresh": capabilityCodes.routeRefresh,
  "enhanced-route-refresh": capabilityCodes.enhancedRouteRefresh,
  "extended-message": capabilityCodes.extendedMessage,
  role: capabilityCodes.role,
  "four-octet-as": capabilityCodes.fourOctetAs,
  "graceful-restart": capabilityCodes.gracefulRestart,
  "long-lived-graceful-restart": capabilityCodes.longLivedGracefulRestart,
  "add-path": capabilityCodes.addPath,
  "extended-next-hop": capabilityCodes.extendedNextHop,
  fqdn: capabilityCodes.fqdn,
};

function codeOf(capability: Capability): number {
  return capability.kind === "unknown" ? capability.code : codes[capability.kind];
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
    case "long-lived-graceful-restart":
      for (const family of capability.families) {
        encodeForwardingFamily(w, family);
        w.u8(family.staleTimeS >>> 16).u16(family.staleTimeS & 0xffff);
      }
      break;
    case "add-path":
      for (const { afi, safi, receive, send } of capability.families) {
        const mode = (receive ? addPathModes.receive : 0) | (send ? addPathModes.send : 0);
        w.u16(afi).u8(safi).u8(mode);
      }
      break;
    case "extended-next-hop":
      for (const { afi, safi, nextHopAfi } of capability.families) {
        w.u16(afi).u16(safi).u16(nextHopAfi);
      }
      break;
    case "fqdn":
      encodeName(w, capability.hostName);
      encodeName(w, capability.domainName);
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
  for (const family of capability.families) encodeForwardingFamily(w, family);
}

function encodeForwardingFamily(w: Writer, family: GracefulRestartFamily): void {
  w.u16(family.afi)
    .u8(family.safi)
    .u8(family.forwarding ? 0x80 : 0);
}

/** Octets of one name, so that two fit a capability whatever they are. */
const nameLengthMax = 126;

/** Cut at a character to fit. */
function encodeName(w: Writer, name: string): void {
  const bytes = new Uint8Array(nameLengthMax);
  const { written } = new TextEncoder().encodeInto(name, bytes);
  w.u8(written).bytes(bytes.subarray(0, written));
}
