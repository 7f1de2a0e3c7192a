/** What a switch says of itself, through vtysh. */
import type { SwitchConfig } from "@heddle/fabric";
import type { Device } from "../device/device.ts";

export interface SwitchState {
  readonly ospfFullCount: number;
  readonly evpnEstablishedCount: number;
  /** Sessions to nodes in all VRFs, by name of the node. */
  readonly nodePeers: readonly NodePeerState[];
}

export interface NodePeerState {
  readonly vrf: string;
  readonly address: string;
  readonly name: string;
  /** RFC 4271 8.2.2 state. */
  readonly state: string;
  readonly receivedPrefixCount: number;
}

/** How many of each the configuration asks for. */
export interface SwitchGoal {
  readonly ospfFullCount: number;
  readonly evpnEstablishedCount: number;
}

export function goalOf(config: SwitchConfig): SwitchGoal {
  const speaking = config.interfaces.filter(({ ospf }) => ospf === "point-to-point");
  return { ospfFullCount: speaking.length, evpnEstablishedCount: config.evpn.peers.length };
}

export function hasReached(state: SwitchState, goal: SwitchGoal): boolean {
  return (
    state.ospfFullCount >= goal.ospfFullCount &&
    state.evpnEstablishedCount >= goal.evpnEstablishedCount
  );
}

export async function observeSwitch(device: Device, config: SwitchConfig): Promise<SwitchState> {
  const ospf = await show<OspfNeighbors>(device, "ospfd", "show ip ospf neighbor json");
  const evpn = await show<BgpSummary>(device, "bgpd", "show bgp l2vpn evpn summary json");
  const nodePeers: NodePeerState[] = [];
  for (const { name, peers } of config.vrfs) {
    if (peers.length === 0) continue;
    const command = `show bgp vrf ${name} ipv4 unicast summary json`;
    const summary = await show<BgpSummary>(device, "bgpd", command);
    for (const [address, { desc, state, pfxRcd }] of peersOf(summary)) {
      nodePeers.push({
        vrf: name,
        address,
        name: desc === undefined ? address : desc,
        state,
        receivedPrefixCount: pfxRcd,
      });
    }
  }
  const adjacencies = ospf.neighbors === undefined ? [] : Object.values(ospf.neighbors).flat();
  return {
    ospfFullCount: adjacencies.filter((it) => it.nbrState?.startsWith("Full")).length,
    evpnEstablishedCount: peersOf(evpn).filter(([, it]) => it.state === "Established").length,
    nodePeers,
  };
}

interface OspfNeighbors {
  readonly neighbors?: Readonly<Record<string, readonly { readonly nbrState?: string }[]>>;
}

interface BgpSummary {
  readonly peers?: Readonly<Record<string, BgpSummaryPeer>>;
}

interface BgpSummaryPeer {
  readonly state: string;
  readonly desc?: string;
  readonly pfxRcd: number;
}

function peersOf({ peers }: BgpSummary): [string, BgpSummaryPeer][] {
  return peers === undefined ? [] : Object.entries(peers);
}

/**
 * A daemon that is not up yet, or has nothing to show, prints something else than JSON: nothing is
 * known then.
 */
async function show<T extends object>(
  device: Device,
  daemon: string,
  command: string,
): Promise<T | Record<string, never>> {
  const argv = ["vtysh", "-d", daemon, "-c", command];
  const { stdout, exitCode } = await device.run(argv, { allowFailure: true });
  if (exitCode !== 0 || !stdout.trimStart().startsWith("{")) return {};
  return JSON.parse(stdout) as T;
}
