/** Status of a BGPPeer, from the sessions that nodes report. */
import { type BGPPeer, type BGPPeerStatus, matchesLabels } from "@heddle/api";
import type { ClusterView } from "../cluster-state.ts";
import { conditionsOf, no, unknown, type Verdict, yes } from "./conditions.ts";

export function planBgpPeer(peer: BGPPeer, view: ClusterView, at: string): BGPPeerStatus {
  const { establishedCount: _before, ...status } = peer.status ?? { sessions: [] };
  const established = status.sessions.filter(({ state }) => state === "Established");
  return {
    ...status,
    ...(status.sessions.length === 0 ? {} : { establishedCount: established.length }),
    conditions: conditionsOf(peer, at, { Ready: readiness(peer, view) }),
  };
}

function readiness(peer: BGPPeer, view: ClusterView): Verdict {
  const { node } = peer.spec;
  if (node !== undefined && view.isNodeMissing(node)) {
    return no("NodeMissing", `there is no Node ${JSON.stringify(node)}`);
  }
  const nodes = node === undefined ? selectedNodes(peer, view) : [node];
  if (nodes.length === 0) return no("NodeMissing", "no Node is selected");
  const sessions = peer.status === undefined ? [] : peer.status.sessions;
  const states = new Map(sessions.map((session) => [session.node, session.state]));
  const down = nodes.filter((name) => (states.get(name) ?? "Established") !== "Established");
  if (down.length > 0) {
    const message = `${down.length} of ${nodes.length} sessions are down, that of ${down[0]} first`;
    return no("SessionDown", message);
  }
  const silent = nodes.filter((name) => !states.has(name)).length;
  return silent === 0
    ? yes("Established", `${nodes.length} of ${nodes.length} sessions are established`)
    : unknown("NotReported", `${silent} of ${nodes.length} nodes have reported no session`);
}

function selectedNodes({ spec: { nodeSelector } }: BGPPeer, view: ClusterView): string[] {
  return [...view.list("Node")]
    .filter(
      ({ metadata }) => nodeSelector === undefined || matchesLabels(nodeSelector, metadata.labels),
    )
    .map(({ metadata }) => metadata.name)
    .sort();
}
