/**
 * The rules of the compiler: what each part of a node's state claims in the tables, and which claim
 * of one key wins. The full compiler and the incremental one are both made of these.
 *
 * Winner, in this order: an address of the host; a pod (of two pods with one address, the interface
 * made last); the infrastructure address of a pod; a block; the default route. So no order of
 * events matters, and a pod can never take the host's address.
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
import type { RouteEntry, Translation, VifEntry } from "./dataplane-state.ts";
import type { Endpoint, OwnBlock } from "./node-state.ts";

/** The VRF of the host itself. */
export const nativeVrf: VrfId = 0 as VrfId;

/** A route entry that one part of the state asks for. */
export interface Claim {
  readonly route: RouteEntry;
  readonly rank: "host" | "endpoint" | "infrastructure" | "block" | "default";
}

const strength: Readonly<Record<Claim["rank"], number>> = {
  host: 4,
  endpoint: 3,
  infrastructure: 2,
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
  const local = endpoint.addresses.map(
    (address): Claim => ({
      rank: "endpoint",
      route: {
        vrf,
        prefix: hostPrefix(address),
        target: { action: "local", ifindex: hostIfindex, mac, hostMac },
      },
    }),
  );
  return [...local, ...endpoint.infrastructureAddresses.map(claimOfInfrastructure)];
}

function claimOfInfrastructure(address: Ip): Claim {
  const prefix = hostPrefix(address);
  const route: RouteEntry = { vrf: nativeVrf, prefix, target: { action: "infrastructure" } };
  return { rank: "infrastructure", route };
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

export function vifOf(endpoint: Endpoint, nodeAddresses: readonly Ip[]): VifEntry {
  const { addresses, infrastructureAddresses, vrf, mac, hostMac } = endpoint;
  const isNative = vrf === nativeVrf;
  assert(!isNative || infrastructureAddresses.length === 0, "native addresses are not translated");
  const own = byFamily(addresses);
  const infrastructure = byFamily(infrastructureAddresses);
  const node = byFamily(nodeAddresses);
  const isTranslatable = (family: "v4" | "v6"): boolean =>
    infrastructure[family] === undefined || own[family] !== undefined;
  assert(isTranslatable("v4") && isTranslatable("v6"), "a translation keeps the family");
  return {
    ifindex: endpoint.hostIfindex,
    hostIfname: endpoint.hostIfname,
    vrf,
    mac,
    hostMac,
    address4: own.v4,
    address6: own.v6,
    infrastructure4: translation(infrastructure.v4, node.v4),
    infrastructure6: translation(infrastructure.v6, node.v6),
  };
}

function translation<A extends Ip4 | Ip6>(
  address: A | undefined,
  node: A | undefined,
): Translation<A> | undefined {
  return address === undefined ? undefined : { address, node };
}

function byFamily(addresses: readonly Ip[]): { readonly v4?: Ip4; readonly v6?: Ip6 } {
  const v4 = addresses.filter((address): address is Ip4 => familyOf(address) === 4);
  const v6 = addresses.filter((address): address is Ip6 => familyOf(address) === 6);
  assert(v4.length <= 1 && v6.length <= 1, "there is at most one address of each family");
  return {
    ...(v4[0] === undefined ? {} : { v4: v4[0] }),
    ...(v6[0] === undefined ? {} : { v6: v6[0] }),
  };
}
