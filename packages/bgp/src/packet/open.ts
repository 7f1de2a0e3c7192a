/**
 * OPEN (RFC 4271 4.2), with the extended optional parameters length of RFC 9072.
 *
 *      version (1) | my AS (2) | hold time (2, seconds) | BGP Identifier (4)
 *      | optional parameters length (1) | optional parameters (variable)
 */
import { BoundsError, Reader, Writer } from "@heddle/codec";
import type { Ip4 } from "@heddle/inet";
import { DecodeError } from "../errors.ts";
import { type Capability, decodeCapabilities, encodeCapability } from "./capability.ts";
import { encodeHeader, headerLength, messageLengthMax } from "./framing.ts";
import {
  asTrans,
  bgpVersion,
  errorCodes,
  messageTypes,
  openSubcodes,
  optionalParameterTypes,
} from "./iana.ts";

export interface Open {
  /**
   * The sender's AS number: of the four-octet capability when present (RFC 6793 4.1), else of the
   * header.
   */
  readonly asn: number;
  /** As proposed; 0 or at least 3. */
  readonly holdTimeS: number;
  /** BGP Identifier; not 0 (RFC 6286 2.1). */
  readonly routerId: Ip4;
  /** In the order sent, one of each kind; multiprotocol one per family. */
  readonly capabilities: readonly Capability[];
}

/**
 * Decodes the body of an OPEN and checks what does not depend on configuration (RFC 4271 6.2).
 * @throws DecodeError `reset`
 */
export function decodeOpen(body: Uint8Array): Open {
  try {
    return decodeFields(new Reader(body));
  } catch (error) {
    if (!(error instanceof BoundsError)) throw error;
    throw openError("its fields overrun it", openSubcodes.unspecific);
  }
}

function decodeFields(r: Reader): Open {
  const version = r.u8();
  if (version !== bgpVersion) {
    const supported = Uint8Array.of(0, bgpVersion);
    throw openError(`version ${version}, want 4`, openSubcodes.unsupportedVersion, supported);
  }
  const asn = r.u16();
  const holdTimeS = r.u16();
  if (holdTimeS === 1 || holdTimeS === 2) {
    const why = `hold time ${holdTimeS} s, want 0 or at least 3 s`;
    throw openError(why, openSubcodes.unacceptableHoldTime);
  }
  const routerId = r.u32();
  if (routerId === 0) throw openError("BGP Identifier 0", openSubcodes.badBgpIdentifier);
  const capabilities = decodeParameters(r);
  const wide = capabilities.find((c) => c.kind === "four-octet-as");
  const openAsn = wide === undefined ? asn : wide.asn;
  if (openAsn === 0) throw openError("AS 0", openSubcodes.badPeerAs);
  return { asn: openAsn, holdTimeS, routerId: routerId as Ip4, capabilities };
}

function decodeParameters(r: Reader): Capability[] {
  const shortLength = r.u8();
  if (shortLength === 0) return endOfOpen(r, []);
  let parameters: Reader;
  let extended = false;
  // RFC 9072 2: 255 and a first parameter type of 255 announce two-octet lengths.
  if (shortLength === 255 && r.left > 0) {
    const rest = r.rest();
    extended = rest[0] === optionalParameterTypes.extendedLength;
    const body = new Reader(rest);
    if (extended) body.skip(1);
    parameters = body.sub(extended ? body.u16() : shortLength);
    endOfOpen(body, []);
  } else {
    parameters = r.sub(shortLength);
    endOfOpen(r, []);
  }
  const capabilities: Capability[] = [];
  while (parameters.left > 0) decodeParameter(parameters, extended, capabilities);
  return capabilities;
}

function endOfOpen(r: Reader, capabilities: Capability[]): Capability[] {
  if (r.left > 0) {
    throw openError(`${r.left} octets follow its parameters`, openSubcodes.unspecific);
  }
  return capabilities;
}

function decodeParameter(r: Reader, extended: boolean, capabilities: Capability[]): void {
  const type = r.u8();
  const value = r.sub(extended ? r.u16() : r.u8());
  if (type !== optionalParameterTypes.capabilities) {
    throw openError(`optional parameter ${type}`, openSubcodes.unsupportedOptionalParameter);
  }
  for (const capability of decodeCapabilities(value)) addCapability(capabilities, capability);
}

/**
 * A capability may come again (RFC 5492 4): of those with one meaning the first counts, of the
 * restart capabilities the last (RFC 4724 3, RFC 9494 3); two different roles are an error (RFC
 * 9234 4.2).
 */
function addCapability(capabilities: Capability[], capability: Capability): void {
  const at = capabilities.findIndex((known) => isSame(known, capability));
  const known = capabilities[at];
  if (known === undefined) {
    capabilities.push(capability);
  } else if (known.kind === "role" && capability.kind === "role") {
    if (known.role === capability.role) return;
    const why = `roles ${known.role} and ${capability.role}`;
    throw openError(why, openSubcodes.roleMismatch);
  } else if (
    capability.kind === "graceful-restart" ||
    capability.kind === "long-lived-graceful-restart"
  ) {
    capabilities[at] = capability;
  }
}

function isSame(a: Capability, b: Capability): boolean {
  if (a.kind === "multiprotocol" && b.kind === "multiprotocol") {
    return a.afi === b.afi && a.safi === b.safi;
  }
  return a.kind === b.kind && a.kind !== "unknown";
}

function openError(why: string, subcode: number, data?: Uint8Array): DecodeError {
  return new DecodeError(
    `Cannot decode OPEN: ${why}`,
    "reset",
    errorCodes.openMessage,
    subcode,
    data,
  );
}

/**
 * A whole OPEN message. The four-octet AS number is sent as given in `capabilities`, never added.
 */
export function encodeOpen(open: Open): Uint8Array {
  const parameters = new Writer(messageLengthMax);
  for (const capability of open.capabilities) encodeCapability(parameters, capability);
  const capabilities = parameters.view();
  const w = new Writer(messageLengthMax);
  w.zeros(headerLength).u8(bgpVersion);
  w.u16(open.asn > 0xffff ? asTrans : open.asn)
    .u16(open.holdTimeS)
    .u32(open.routerId);
  if (capabilities.length === 0) {
    w.u8(0);
  } else if (capabilities.length <= 253) {
    w.u8(capabilities.length + 2)
      .u8(optionalParameterTypes.capabilities)
      .u8(capabilities.length);
  } else {
    w.u8(255).u8(optionalParameterTypes.extendedLength);
    w.u16(capabilities.length + 3)
      .u8(optionalParameterTypes.capabilities)
      .u16(capabilities.length);
  }
  const bytes = w.bytes(capabilities).copy();
  encodeHeader(bytes, 0, bytes.length, messageTypes.open);
  return bytes;
}
