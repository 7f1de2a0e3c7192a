/** `heddle bgp`: sessions and tables of nodes and route servers. */
import { Command } from "commander";
import { enableCommand, resetCommand, shutdownCommand } from "./bgp-actions.ts";
import { captureCommand } from "./bgp-capture.ts";
import { type ExplainOptions, explain } from "./bgp-explain.ts";
import { type PeersOptions, peer, peers } from "./bgp-peers.ts";
import { type RoutesOptions, routes } from "./bgp-routes.ts";
import { type BgpTargetOptions, nodeOption, socketOption } from "./bgp-targets.ts";
import { vrfs } from "./bgp-vrfs.ts";

const familiesText =
  "ipv4 or ipv6, ipv4-vpn, ipv6-vpn, evpn, route-target, ipv4-flowspec, ipv6-flowspec";

const examples = `
Examples:
  heddle bgp peers --watch                             who is up, once every two seconds
  heddle bgp peer 172.16.0.0 --node node1              everything about one session
  heddle bgp routes 10.244.0.0/16 --longer             what there is inside a prefix
  heddle bgp routes 10.244.0.5                         the route that an address takes
  heddle bgp routes --peer 172.16.0.0 --received       what a peer has sent, before policy
  heddle bgp vrfs red                                  what nodes know of VPC red
  heddle bgp explain 10.244.0.0/26                     why this path, and who is sent it
  heddle bgp reset 172.16.0.0 --soft in                ask a peer for its routes again
  heddle bgp capture --node node1 --out bgp.pcapng     messages, for Wireshark
  heddle bgp shutdown 172.16.0.0 --text "ticket 4711"  until heddle bgp enable 172.16.0.0
`;

export function bgpCommand(): Command {
  const bgp = new Command("bgp")
    .description("BGP sessions and routes of nodes and route servers")
    .addHelpText("after", examples);
  bgp
    .command("peers")
    .description("sessions, what they carry, and why one is down; exit 1 when one is not up")
    .addOption(nodeOption())
    .addOption(socketOption())
    .option("--watch [seconds]", "again and again, until interrupted")
    .action((options: PeersOptions, command: Command) => peers(options, command));
  bgp
    .command("peer")
    .description("everything about one peer; exit 1 when it is unknown or not up")
    .argument("<address>", "of the peer, with %ifindex for a link-local one")
    .addOption(nodeOption())
    .addOption(socketOption())
    .action((address: string, options: BgpTargetOptions, command: Command) =>
      peer(address, options, command),
    );
  bgp.addCommand(routesCommand());
  bgp
    .command("vrfs")
    .description("VPCs of the nodes, or the routes of one; exit 1 when no node has the named one")
    .argument("[name]", "of a VPC")
    .addOption(nodeOption())
    .addOption(socketOption())
    .action((name: string | undefined, options: BgpTargetOptions, command: Command) =>
      vrfs(name, options, command),
    );
  bgp
    .command("explain")
    .description(
      "why a route is what it is: each path and how it lost, what policies made of it, who is " +
        "sent it and who is not; exit 1 when there is none",
    )
    .argument("<route>", "a prefix, an address, or with --family the route as `routes` writes it")
    .option("--family <family>", familiesText)
    .addOption(nodeOption())
    .addOption(socketOption())
    .action((route: string, options: ExplainOptions, command: Command) =>
      explain(route, options, command),
    );
  for (const make of [resetCommand, shutdownCommand, enableCommand, captureCommand])
    bgp.addCommand(make());
  return bgp;
}

function routesCommand(): Command {
  return new Command("routes")
    .description("paths with the rule by which they lost; exit 1 when a named route is not there")
    .argument("[route]", "a prefix, an address, or with --family the route as it is written here")
    .option("--longer", "all prefixes inside the given one")
    .option("--family <family>", `only ${familiesText}`)
    .option("--peer <address>", "only paths of this peer")
    .option("--received", "what the peer has sent, before import policy")
    .option("--advertised", "what the peer is sent")
    .option("--best", "only best paths")
    .addOption(nodeOption())
    .addOption(socketOption())
    .action((route: string | undefined, options: RoutesOptions, command: Command) =>
      routes(route, options, command),
    );
}
