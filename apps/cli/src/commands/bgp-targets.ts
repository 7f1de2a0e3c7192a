/** Which processes a command about BGP asks: agents of nodes, and route servers. */
import { existsSync } from "node:fs";
import process from "node:process";
import { Option } from "commander";
import { CliError, exitCodes } from "../exit.ts";
import { type AgentTarget, agentTargets, labRouteServers } from "../targets.ts";

export interface BgpTargetOptions {
  readonly node?: string;
  readonly socket?: string;
}

const routeServerSocket = "/run/heddle/route-server.sock";

export function nodeOption(): Option {
  return new Option("--node <name>", "only this node or route server of the lab").conflicts(
    "socket",
  );
}

export function socketOption(): Option {
  return new Option(
    "--socket <path>",
    "the admin socket to ask, of an agent or a route server; default: the running lab's agents " +
      "and route servers, else those of this machine",
  );
}

/** @throws CliError when there is nobody to ask */
export function bgpTargets(stateDir: string, { node, socket }: BgpTargetOptions): AgentTarget[] {
  if (socket !== undefined) return [{ node: socket, socketPath: socket }];
  const inLab = labRouteServers(stateDir);
  const named = inLab.filter((each) => each.node === node);
  if (named.length > 0) return named;
  if (inLab.length > 0) {
    const names = inLab.map((each) => each.node);
    return [...agentTargets(stateDir, node, names), ...(node === undefined ? inLab : [])];
  }
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
 * The answers of those that have what is asked for. One of several that cannot be asked keeps the
 * others' answers from nobody: standard error says so, and the command ends as unavailable.
 * @throws CliError when nobody answers: why the first could not, or has not what is asked for
 */
export async function askThoseThatKnow<T>(
  targets: readonly AgentTarget[],
  ask: (socketPath: string) => Promise<T>,
): Promise<T[]> {
  const answers: T[] = [];
  const failures: CliError[] = [];
  let unknown: CliError | undefined;
  for (const { socketPath } of targets) {
    try {
      answers.push(await ask(socketPath));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      if (error.exitCode === exitCodes.verdictFailed) unknown = error;
      else failures.push(error);
    }
  }
  const [failure] = failures;
  const worst = failure ?? unknown;
  if (answers.length === 0 && worst !== undefined) throw worst;
  for (const { message } of failures) process.stderr.write(`heddle: ${message}\n`);
  if (failure !== undefined) process.exitCode = failure.exitCode;
  return answers;
}
