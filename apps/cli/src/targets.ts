/**
 * Which agents a command asks: those of the running lab, or the one of this machine. A device's
 * /run is a directory below the lab's state, so its agent's socket is reached from outside its
 * namespaces.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import {
  isRouteServerAlive,
  type LabContext,
  LabError,
  openLab,
  routeServerSocket,
} from "@heddle/lab";
import { askAgent } from "./agent-client.ts";
import { CliError, exitCodes } from "./exit.ts";

const localSocket = "/run/heddle/agent.sock";

export interface AgentTarget {
  readonly node: string;
  readonly socketPath: string;
}

/**
 * `others` are names that would have done as well, for the message.
 * @throws CliError when there is no agent to ask, or no node of that name
 */
export function agentTargets(
  stateDir: string,
  node?: string,
  others: readonly string[] = [],
): AgentTarget[] {
  const lab = findLab(stateDir);
  if (lab === undefined) return localTarget(node);
  const nodes = lab.topology.devices.filter((device) => device.role === "node");
  const chosen = node === undefined ? nodes : nodes.filter((device) => device.name === node);
  if (chosen.length === 0) {
    const names = [...nodes.map(({ name }) => name), ...others].join(" ");
    const what = others.length === 0 ? "node" : "node or route server";
    throw new CliError(`no ${what} ${node} in the lab, want one of: ${names}`, exitCodes.usage);
  }
  return chosen.map(({ name }) => ({
    node: name,
    socketPath: path.join(lab.paths.device(name).run, "heddle", "agent.sock"),
  }));
}

/** Those of the running lab that serve; none without a lab. */
export function labRouteServers(stateDir: string): AgentTarget[] {
  const lab = findLab(stateDir);
  if (lab === undefined) return [];
  return lab.topology.management.routeServers
    .filter(({ name }) => isRouteServerAlive(lab, name))
    .map(({ name }) => ({ node: name, socketPath: routeServerSocket(lab, name) }))
    .filter(({ socketPath }) => existsSync(socketPath));
}

function findLab(stateDir: string): LabContext | undefined {
  try {
    return openLab({ stateDir });
  } catch (error) {
    if (error instanceof LabError && error.code === "state") return undefined;
    throw error;
  }
}

function localTarget(node: string | undefined): AgentTarget[] {
  if (node !== undefined) {
    throw new CliError(`--node ${node}: no lab is running (heddle lab up)`, exitCodes.unavailable);
  }
  if (!existsSync(localSocket)) {
    throw new CliError(`no lab is running (heddle lab up) and no agent answers at ${localSocket}`);
  }
  return [{ node: "local", socketPath: localSocket }];
}

/** Asks every target and joins the rows. @throws CliError of the first that fails */
export async function askAll<T>(targets: readonly AgentTarget[], route: string): Promise<T[]> {
  const answers = await Promise.all(
    targets.map((target) => askAgent<T[]>(target.socketPath, route)),
  );
  return answers.flat();
}
