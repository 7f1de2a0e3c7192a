/** `heddle bgp reset|shutdown|enable`: what changes a session. */
import { Command, Option } from "commander";
import { askAgent } from "../agent-client.ts";
import { globalOptions } from "../options.ts";
import { printJson } from "../output.ts";
import {
  askThoseThatKnow,
  type BgpTargetOptions,
  bgpTargets,
  nodeOption,
  socketOption,
} from "./bgp-targets.ts";

interface ActionOptions extends BgpTargetOptions {
  readonly soft?: "in" | "out";
  readonly family?: string;
  readonly text?: string;
  readonly graceful?: string;
}

export function resetCommand(): Command {
  return actionCommand("reset", "closes the session and connects again, or refreshes its routes")
    .addOption(
      new Option(
        "--soft <direction>",
        "keep the session: ask the peer for its routes again (in), or send ours again (out)",
      ).choices(["in", "out"]),
    )
    .option("--family <family>", "only this family of a soft reset")
    .option("--text <text>", "for the peer's operator (RFC 9003)");
}

export function shutdownCommand(): Command {
  return actionCommand("shutdown", "closes the session and keeps it closed until `enable`")
    .option("--text <text>", "for the peer's operator (RFC 9003)")
    .option("--graceful <seconds>", "first let traffic move away for so long (RFC 8326)");
}

export function enableCommand(): Command {
  return actionCommand("enable", "ends a shutdown, or another wait for an operator");
}

function actionCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument("<peer>", "address of the peer, with %ifindex for a link-local one")
    .addOption(nodeOption())
    .addOption(socketOption())
    .action((peer: string, options: ActionOptions, command: Command) =>
      act(name, peer, options, command),
    );
}

async function act(
  name: string,
  peer: string,
  options: ActionOptions,
  command: Command,
): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const { soft, family, text, graceful } = options;
  const query = new URLSearchParams({ peer });
  for (const [key, value] of Object.entries({ soft, family, text, graceful })) {
    if (value !== undefined) query.set(key, value);
  }
  const done = await askThoseThatKnow(bgpTargets(stateDir, options), async (socketPath) => {
    await askAgent(socketPath, `/v1/bgp/${name}?${query}`, "POST");
    return { socket: socketPath, peer, action: name };
  });
  if (output === "json") printJson(done);
  else for (const { socket } of done) console.log(`${name} ${peer}: done at ${socket}`);
}
