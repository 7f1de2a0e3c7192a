/** Asks the agent of a node, over its admin socket, whether it is attached to the fabric. */
import http from "node:http";
import path from "node:path";
import type { LabContext } from "../state/context.ts";

/** The part of `/v1/bgp/peers` that the lab looks at. */
interface PeerAnswer {
  readonly state: string;
  readonly families: readonly string[];
  readonly accepted: number;
}

const answerLimitMs = 2000;

/**
 * True when every leaf has given the node its default routes. FRR sends them some seconds after the
 * session is Established.
 */
export async function isAttached(lab: LabContext, node: string): Promise<boolean> {
  const socketPath = path.join(lab.paths.device(node).run, "heddle", "agent.sock");
  const text = await ask(socketPath, "/v1/bgp/peers");
  if (text === undefined) return false;
  const peers = JSON.parse(text) as readonly PeerAnswer[];
  const isReady = ({ state, families, accepted }: PeerAnswer): boolean =>
    state === "Established" && accepted >= families.length;
  return peers.length > 0 && peers.every(isReady);
}

/** Undefined when there is no answer: the agent is starting. */
function ask(socketPath: string, route: string): Promise<string | undefined> {
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
