/** Asks the agent of a node, over its admin socket, whether it is attached to the fabric. */
import http from "node:http";
import path from "node:path";
import type { LabContext } from "../state/context.ts";

/** The part of `/v1/bgp/peers` that the lab looks at. */
export interface PeerAnswer {
  readonly address: string;
  readonly kind: string;
  readonly state: string;
  readonly reason: string | null;
  readonly families: readonly string[];
  readonly accepted: number;
}

const answerLimitMs = 2000;

/**
 * True when every leaf has given the node its default routes, and every route server speaks with
 * it. FRR sends the routes some seconds after the session is Established.
 */
export async function isAttached(lab: LabContext, node: string): Promise<boolean> {
  const peers = await peersOf(lab, node);
  if (peers === undefined) return false;
  const isUp = ({ kind, state, families, accepted }: PeerAnswer): boolean =>
    state === "Established" && (kind !== "fabric" || accepted >= families.length);
  const reflectors = peers.filter(({ kind }) => kind === "reflector");
  const { routeServers } = lab.topology.management;
  return (
    peers.every(isUp) &&
    reflectors.length >= routeServers.length &&
    peers.length > reflectors.length
  );
}

/** The BGP peers of the node's agent; undefined when it does not answer. */
export async function peersOf(
  lab: LabContext,
  node: string,
): Promise<readonly PeerAnswer[] | undefined> {
  const socketPath = path.join(lab.paths.device(node).run, "heddle", "agent.sock");
  const text = await ask(socketPath, "/v1/bgp/peers");
  return text === undefined ? undefined : (JSON.parse(text) as readonly PeerAnswer[]);
}

/** Undefined when there is no answer: the process is starting, or gone. */
export function ask(socketPath: string, route: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { socketPath, path: route, timeout: answerLimitMs };
    const request = http.get(options, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve(response.statusCode === 200 ? text : undefined));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(undefined));
  });
}
