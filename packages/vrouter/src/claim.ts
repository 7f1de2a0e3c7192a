/**
 * The rules of the compiler: what each part of a node's state claims in the tables, and which claim
 * of one key wins. The full compiler and the incremental one are both made of these.
 *
 * Winner, in this order: an address of the host; a pod (of two pods with one address, the interface
 * made last); a block; the default route. So no order of events matters, and a pod can never take
 * the host's address.
 */
import {
  defaultPrefix,
  familyOf,
  hostPrefix,
  type Ip,
  type Ip4,
  type Ip6,
  type VrfId,
} from "@heddle/inet";
import { assert } from "@heddle/std";
import type { RouteEntry, VifEntry } from "./dataplane-state.ts";
import type { Endpoint, OwnBlock } from "./node-state.ts";

/** The VRF of the host itself. */
export const nativeVrf: VrfId = 0 as VrfId;

/** A route entry that one part of the state asks for. */
export interface Claim {
  readonly route: RouteEntry;
  readonly rank: "host" | "endpoint" | "block" | "default";
}

const strength: Readonly<Record<Claim["rank"], number>> = {
  host: 3,
  endpoint: 2,
  block: 1,
  default: 0,
};

/** The claim that wins; the same whatever the order of `claims`. */
export function strongest(claims: Iterable<Claim>): Claim | undefined {
  let best: Claim | undefined;
  for (const claim of claims) if (best === undefined || beats(claim, best)) best = claim;
  return best;
}

function beats(a: Claim, b: Claim): boolean {
  if (a.rank !== b.rank) return strength[a.rank] > strength[b.rank];
  const [first, second] = [a.route.target, b.route.target];
  if (first.action !== "local" || second.action !== "local") return false;
  return first.ifindex > second.ifindex;
}

/** Where nothing more specific is known: the kernel's own routes, in the native VRF only. */
export const defaultClaims: readonly Claim[] = ([4, 6] as const).map((family) => ({
  rank: "default",
  route: { vrf: nativeVrf, prefix: defaultPrefix(family), target: { action: "fib" } },
}));

export function claimsOfEndpoint(endpoint: Endpoint): Claim[] {
  const { vrf, hostIfindex, mac, hostMac } = endpoint;
  return endpoint.addresses.map((address) => ({
    rank: "endpoint",
    route: {
      vrf,
      prefix: hostPrefix(address),
      target: { action: "local", ifindex: hostIfindex, mac, hostMac },
    },
  }));
}

export function claimOfHostAddress(address: Ip): Claim {
  const route: RouteEntry = {
    vrf: nativeVrf,
    prefix: hostPrefix(address),
    target: { action: "stack" },
  };
  return { rank: "host", route };
}

/**
 * In the native VRF the kernel answers for an address that no pod has, by its unreachable route;
 * other VRFs have no stack that could.
 */
export function claimOfBlock({ vrf, prefix }: OwnBlock): Claim {
  const action = vrf === nativeVrf ? "stack" : "blackhole";
  return { rank: "block", route: { vrf, prefix, target: { action } } };
}

export function vifOf(endpoint: Endpoint): VifEntry {
  const { addresses, vrf, mac, hostMac, hostIfname, hostIfindex } = endpoint;
  const v4 = addresses.filter((address): address is Ip4 => familyOf(address) === 4);
  const v6 = addresses.filter((address): address is Ip6 => familyOf(address) === 6);
  assert(v4.length <= 1 && v6.length <= 1, "an endpoint has at most one address of each family");
  return {
    ifindex: hostIfindex,
    hostIfname,
    vrf,
    mac,
    hostMac,
    address4: v4[0],
    address6: v6[0],
  };
}
