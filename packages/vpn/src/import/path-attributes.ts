/** What VRFs want to know of the attributes of a path. */
import {
  decodeExtendedCommunity,
  ingressReplicationEndpoint,
  macMobilityOf,
  type PathAttributes,
  type PmsiTunnel,
  routeTargetsOf,
  securityTagOf,
} from "@heddle/bgp";
import { type Ip, ip4FromNumber, type Mac, type RouteTarget } from "@heddle/inet";
import { type ChosenTunnel, chooseTunnel } from "../encapsulation.ts";
import { electionAlgorithmOf } from "../segment-communities.ts";
import type { ElectionAlgorithm, Vtep } from "../vrf.ts";

export interface VpnAttributes {
  readonly targets: readonly RouteTarget[];
  /** Undefined when the node has none of the encapsulations that the route offers. */
  readonly tunnel: ChosenTunnel | undefined;
  /** The end point of the tunnel, or the next hop where there is no tunnel. */
  readonly endpoint: Ip;
  /** Where floods go by the PMSI_TUNNEL attribute; `label` is a label field of 24 bits. */
  readonly flood: { readonly tunnel: ChosenTunnel; readonly label: number } | undefined;
  readonly tag: number | undefined;
  readonly routerMac: Mac | undefined;
  readonly sticky: boolean;
  readonly sequence: number;
  /** Of the ESI label community (RFC 7432 7.5). */
  readonly singleActive: boolean;
  readonly defaultGateway: boolean;
  readonly esImport: Mac | undefined;
  readonly electionAlgorithm: ElectionAlgorithm | undefined;
}

/**
 * Reads attributes once for all routes that share them: the RIB gives one object for one block of
 * attributes.
 */
export class AttributeReader {
  readonly #vtep: Vtep;
  readonly #vpn: WeakMap<PathAttributes, VpnAttributes> = new WeakMap();
  readonly #evpn: WeakMap<PathAttributes, VpnAttributes> = new WeakMap();

  constructor(vtep: Vtep) {
    this.#vtep = vtep;
  }

  /** `attributes` must not change afterwards. */
  read(attributes: PathAttributes, isVpn: boolean): VpnAttributes {
    const known = (isVpn ? this.#vpn : this.#evpn).get(attributes);
    if (known !== undefined) return known;
    const read = readAttributes(attributes, this.#vtep, isVpn);
    (isVpn ? this.#vpn : this.#evpn).set(attributes, read);
    return read;
  }
}

function readAttributes(attributes: PathAttributes, vtep: Vtep, isVpn: boolean): VpnAttributes {
  const { extendedCommunities, pmsiTunnel } = attributes;
  const nextHop = unmapped(attributes.nextHop);
  // A label of 20 bits is no VNI, and IP in IP carries no frames.
  const wanted = vtep.encapsulations.filter((kind) => kind !== (isVpn ? "vxlan" : "ipip"));
  const unspecified = isVpn ? vtep.unspecifiedVpn : vtep.unspecifiedEvpn;
  const chosen = chooseTunnel({ ...attributes, nextHop }, wanted, unspecified);
  const tunnel = chosen !== undefined && isUnicast(chosen.endpoint) ? chosen : undefined;
  return {
    targets: [...new Set(routeTargetsOf(extendedCommunities))],
    tunnel,
    endpoint: tunnel?.endpoint ?? nextHop,
    flood: floodOf(vtep, tunnel, pmsiTunnel),
    tag: securityTagOf(extendedCommunities),
    ...communitiesOf(extendedCommunities),
  };
}

function floodOf(
  vtep: Vtep,
  tunnel: ChosenTunnel | undefined,
  pmsiTunnel: PmsiTunnel | undefined,
): VpnAttributes["flood"] {
  if (tunnel === undefined || pmsiTunnel === undefined) return undefined;
  const endpoint = ingressReplicationEndpoint(pmsiTunnel);
  if (endpoint === undefined || endpoint === vtep.address) return undefined;
  if (!isUnicast(endpoint)) return undefined;
  return { tunnel: { ...tunnel, endpoint }, label: pmsiTunnel.label };
}

/** RFC 4659 3.2.1.2: IPv6 routes of a node that is reached over IPv4 have ::ffff:a.b.c.d. */
function unmapped(address: Ip): Ip {
  const isMapped = typeof address === "bigint" && address >> 32n === 0xffffn;
  return isMapped ? ip4FromNumber(Number(address & 0xffffffffn)) : address;
}

/** Of a tunnel's end: neither unspecified nor a group, which would multiply what is sent. */
function isUnicast(address: Ip): boolean {
  if (typeof address === "number") return address !== 0 && address < groups4;
  return address !== 0n && address < groups6;
}

/** 224.0.0.0; what is above is no host's either (RFC 1112 4). */
const groups4 = 0xe0000000;
/** ff00:: (RFC 4291 2.7). */
const groups6 = 0xffn << 120n;

type Communities = Pick<
  VpnAttributes,
  | "routerMac"
  | "sticky"
  | "sequence"
  | "singleActive"
  | "defaultGateway"
  | "esImport"
  | "electionAlgorithm"
>;

/** Of several router MAC or ES-Import communities the first counts. */
function communitiesOf(values: readonly bigint[]): Communities {
  const found = {
    routerMac: undefined as Mac | undefined,
    ...(macMobilityOf(values) ?? { sticky: false, sequence: 0 }),
    singleActive: false,
    defaultGateway: false,
    esImport: undefined as Mac | undefined,
    electionAlgorithm: electionAlgorithmOf(values),
  };
  for (const value of values) {
    const community = decodeExtendedCommunity(value);
    switch (community.kind) {
      case "router-mac":
        found.routerMac ??= community.mac;
        break;
      case "esi-label":
        found.singleActive ||= community.singleActive;
        break;
      case "default-gateway":
        found.defaultGateway = true;
        break;
      case "es-import":
        found.esImport ??= community.mac;
        break;
      default:
        break;
    }
  }
  return found;
}
