/**
 * PMSI_TUNNEL (RFC 6514 5): how an inclusive multicast route of EVPN (RFC 7432 11.2) wants
 * broadcast to reach its sender.
 *
 *      flags (1) | tunnel type (1) | label (3) | tunnel identifier (variable)
 */
import type { Writer } from "@heddle/codec";
import { type Ip, ipFromBytes, ipToBytes } from "@heddle/inet";
import { readLabelField } from "./nlri/labels.ts";

/** P-Multicast Service Interface Tunnel Types. https://www.iana.org/assignments/bgp-parameters */
export const pmsiTunnelTypes = {
  none: 0,
  // RSVP-TE P2MP 1 to mLDP MP2MP 7 but 6: RFC 6514
  ingressReplication: 6,
  // Assisted Replication 10: RFC 9574
  // BIER 11: RFC 8556
} as const;

export interface PmsiTunnel {
  /** uint8; bit 0 is Leaf Information Required. */
  readonly flags: number;
  /** uint8, see `pmsiTunnelTypes`. */
  readonly tunnelType: number;
  /** Label field, uint24: a VNI (RFC 8365 5.1.3), or `mplsLabelOf` takes the label out. */
  readonly label: number;
  /** Owned; its meaning depends on the type. Of ingress replication: an address. */
  readonly tunnelId: Uint8Array;
}

const headLength = 5;

/** A text says why `value` is malformed. */
export function decodePmsiTunnel(value: Uint8Array): PmsiTunnel | string {
  if (value.length < headLength) return `length ${value.length}, want at least ${headLength}`;
  const tunnelType = value[1] as number;
  const idLength = value.length - headLength;
  if (tunnelType === pmsiTunnelTypes.ingressReplication && idLength !== 4 && idLength !== 16) {
    return `an endpoint of ${idLength} octets, want 4 or 16`;
  }
  if (tunnelType === pmsiTunnelTypes.none && idLength !== 0) {
    return `an identifier of ${idLength} octets without a tunnel`;
  }
  return {
    flags: value[0] as number,
    tunnelType,
    label: readLabelField(value, 2),
    tunnelId: new Uint8Array(value.subarray(headLength)),
  };
}

export function encodePmsiTunnel(w: Writer, tunnel: PmsiTunnel): void {
  w.u8(tunnel.flags).u8(tunnel.tunnelType);
  w.u8(tunnel.label >>> 16)
    .u16(tunnel.label & 0xffff)
    .bytes(tunnel.tunnelId);
}

/** What an EVPN speaker announces: copies come to `endpoint`, with `label` (RFC 7432 11.2). */
export function ingressReplication(endpoint: Ip, label: number): PmsiTunnel {
  const tunnelType = pmsiTunnelTypes.ingressReplication;
  return { flags: 0, tunnelType, label, tunnelId: ipToBytes(endpoint) };
}

/** The endpoint of ingress replication; undefined for other tunnels. */
export function ingressReplicationEndpoint(tunnel: PmsiTunnel): Ip | undefined {
  if (tunnel.tunnelType !== pmsiTunnelTypes.ingressReplication) return undefined;
  return ipFromBytes(tunnel.tunnelId);
}
