/** What the admin socket and the metrics look at. */
import type { Dataplane } from "@heddle/dataplane";
import type { ClusterCache, HeddleNode, NodeSpeaker, NodeVpn } from "@heddle/node";
import type { KernelFib } from "@heddle/speaker";
import type { AgentConfig } from "./config.ts";
import type { NodeAttachment } from "./node-attachment.ts";

export interface AgentParts {
  readonly config: AgentConfig;
  readonly startedAtMs: number;
  /** URL of the API server. */
  readonly server: string;
  readonly cache: ClusterCache;
  readonly dataplane: Dataplane;
  readonly speaker: NodeSpeaker;
  readonly attachment: NodeAttachment;
  readonly vpn: NodeVpn;
  readonly node: HeddleNode;
  readonly fib: KernelFib;
}
