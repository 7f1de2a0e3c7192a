import type { Ifindex, Prefix } from "@heddle/inet";
import { assert } from "@heddle/std";
import {
  type Claim,
  claimOfBlock,
  claimOfHostAddress,
  claimsOfEndpoint,
  defaultClaims,
  nativeVrf,
  strongest,
  vifOf,
} from "./claim.ts";
import {
  type DataplaneState,
  type RouteEntry,
  type RouteKey,
  routeKey,
  type VifEntry,
} from "./dataplane-state.ts";
import type { NodeState, OwnBlock } from "./node-state.ts";

/** The data plane of a node as a pure function of what the node knows. */
export function compile(state: NodeState): DataplaneState {
  const vifs = new Map<Ifindex, VifEntry>();
  for (const endpoint of state.endpoints) {
    assert(!vifs.has(endpoint.hostIfindex), "an interface is one endpoint");
    vifs.set(endpoint.hostIfindex, vifOf(endpoint, state.nodeAddresses));
  }
  const claims = new Map<RouteKey, Claim[]>();
  for (const claim of allClaims(state)) {
    const key = routeKey(claim.route.vrf, claim.route.prefix);
    const known = claims.get(key);
    if (known === undefined) claims.set(key, [claim]);
    else known.push(claim);
  }
  const routes = new Map<RouteKey, RouteEntry>();
  for (const [key, candidates] of claims) {
    const winner = strongest(candidates);
    if (winner !== undefined) routes.set(key, winner.route);
  }
  return { vifs, routes, unreachable: unreachablePrefixes(state.blocks) };
}

function allClaims(state: NodeState): Claim[] {
  return [
    ...defaultClaims,
    ...state.blocks.map(claimOfBlock),
    ...state.hostAddresses.map(claimOfHostAddress),
    ...state.endpoints.flatMap(claimsOfEndpoint),
  ];
}

/** The kernel's main table belongs to the native VRF. */
export function unreachablePrefixes(blocks: readonly OwnBlock[]): Set<Prefix> {
  return new Set(blocks.filter(({ vrf }) => vrf === nativeVrf).map(({ prefix }) => prefix));
}
