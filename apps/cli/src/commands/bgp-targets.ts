/** Which processes a command about BGP asks: agents of nodes, and route servers. */
import { existsSync } from "node:fs";
import { Option } from "commander";
import { CliError, exitCodes } from "../exit.ts";
import { type AgentTarget, agentTargets } from "../targets.ts";

export interface BgpTargetOptions {
  readonly node?: string;
  readonly socket?: string;
}

const routeServerSocket = "/run/heddle/route-server.sock";

export function nodeOption(): Option {
  return new Option("--node <name>", "only this node").conflicts("socket");
}

export function socketOption(): Option {
  return new Option(
    "--socket <path>",
    "the admin socket to ask, of an agent or a route server; default: the running lab's agents, " +
      "else those of this machine",
  );
}

/** @throws CliError when there is nobody to ask */
export function bgpTargets(stateDir: string, { node, socket }: BgpTargetOptions): AgentTarget[] {
  if (socket !== undefined) return [{ node: socket, socketPath: socket }];
  const hasRouteServer = node === undefined && existsSync(routeServerSocket);
  if (!hasRouteServer) return agentTargets(stateDir, node);
  const routeServer = { node: "route server", socketPath: routeServerSocket };
  try {
    const agents = agentTargets(stateDir, node);
    return agents.some(({ node: name }) => name === "local") ? [...agents, routeServer] : agents;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [routeServer];
  }
}

/**
 * The answers of those that have what is asked for.
 * @throws CliError of one that has not, when none has; of any that fails otherwise
 */
export async function askThoseThatKnow<T>(
  targets: readonly AgentTarget[],
  ask: (socketPath: string) => Promise<T>,
): Promise<T[]> {
  const answers: T[] = [];
  let unknown: CliError | undefined;
  for (const { socketPath } of targets) {
    try {
      answers.push(await ask(socketPath));
    } catch (error) {
      const isUnknown = error instanceof CliError && error.exitCode === exitCodes.verdictFailed;
      if (!isUnknown) throw error;
      unknown = error;
    }
  }
  if (answers.length === 0 && unknown !== undefined) throw unknown;
  return answers;
}
