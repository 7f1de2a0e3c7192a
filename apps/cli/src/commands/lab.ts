/** `heddle lab up|down|status|shell|fail` */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import {
  adminKubeconfig,
  argvInDevice,
  clusterUp,
  failLink,
  LabError,
  type LabStatus,
  labDown,
  labStatus,
  labUp,
  openLab,
  parseLabDefinition,
  restoreLink,
} from "@heddle/lab";
import { Command } from "commander";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { printJson, printRows } from "../output.ts";
import { repositoryFile } from "../repository.ts";

interface UpOptions {
  readonly file?: string;
  readonly demo?: boolean;
  readonly fabricOnly?: boolean;
}

export function labCommand(): Command {
  const lab = new Command("lab").description(
    "a data centre in network namespaces: switches, servers, nodes with agents, an API server",
  );
  lab
    .command("up")
    .description("boot the lab, or repair one that runs; can be repeated")
    .option("-f, --file <path>", "definition of the lab; default: examples/lab.yaml")
    .option("--demo", "deploy pods, and wait until they are ready")
    .option("--fabric-only", "switches and servers without agents and API server")
    .action((options: UpOptions, command: Command) => guarded(() => up(options, command)));
  lab
    .command("down")
    .description("remove every namespace, process, mount, cgroup and file of the lab")
    .action((_options: unknown, command: Command) => guarded(() => down(command)));
  lab
    .command("status")
    .description("devices, switches' sessions, cables; exit 1 when something is not up")
    .action((_options: unknown, command: Command) => guarded(() => status(command)));
  lab
    .command("shell")
    .description("a shell, or one command, inside a device: heddle lab shell leaf1 -- vtysh")
    .argument("<device>", "such as node1, leaf1, bm1")
    .argument("[command...]", "instead of a shell")
    .option("--netns <name>", "inside this network namespace of the device, such as a VRF")
    .action((device: string, argv: string[], options: { netns?: string }, command: Command) =>
      guarded(() => shell(device, argv, options.netns, command)),
    );
  lab
    .command("fail")
    .description("cut a cable, such as node1:leaf1")
    .argument("<cable>", "the names of its ends, with a colon")
    .option("--restore", "plug it in again")
    .action((cable: string, options: { restore?: boolean }, command: Command) =>
      guarded(() => fail(cable, options.restore === true, command)),
    );
  return lab;
}

/** What the lab refuses is one line for people, not a stack. */
async function guarded(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    const isUsage = error.code === "definition";
    throw new CliError(error.message, isUsage ? exitCodes.usage : exitCodes.unavailable, error);
  }
}

async function up(options: UpOptions, command: Command): Promise<void> {
  const { stateDir } = globalOptions(command);
  const file = options.file ?? repositoryFile("examples/lab.yaml");
  const definition = parseLabDefinition(readDefinition(file));
  const startMs = performance.now();
  const progress = (line: string): void => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    process.stderr.write(`lab: ${seconds.padStart(5)} s  ${line}\n`);
  };
  await labUp(definition, { stateDir, progress });
  if (options.fabricOnly === true) return;
  const lab = openLab({ stateDir });
  await clusterUp(lab, { progress, demo: options.demo === true });
  process.stderr.write(`
The lab is up. Try:
  export KUBECONFIG=${adminKubeconfig(lab)}; kubectl get pods,ports,ippools -o wide
  bin/heddle bgp peers; bin/heddle lab shell node1; bin/heddle lab fail node1:leaf1
  make lab-down    when you are done

`);
}

function readDefinition(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`Cannot read the lab's definition: ${why}`, exitCodes.usage, error);
  }
}

async function down(command: Command): Promise<void> {
  const { stateDir } = globalOptions(command);
  await labDown(stateDir);
  process.stderr.write(`lab: nothing is left of ${path.resolve(stateDir)}\n`);
}

async function status(command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const lab = await labStatus({ stateDir });
  if (lab === undefined) throw new CliError(`no lab in ${stateDir} (heddle lab up)`);
  if (output === "json") printJson(lab);
  else printStatus(lab);
  if (!isWell(lab)) throw new CliError("", exitCodes.verdictFailed);
}

function printStatus(lab: LabStatus): void {
  printRows("table", lab.devices, [
    { header: "DEVICE", cell: (row) => row.name },
    { header: "ROLE", cell: (row) => row.role },
    { header: "RACK", cell: (row) => row.rack ?? "-" },
    { header: "ALIVE", cell: (row) => (row.isAlive ? "yes" : "no") },
    { header: "OSPF", cell: (row) => countOf(row, "ospfFullCount") },
    { header: "EVPN", cell: (row) => countOf(row, "evpnEstablishedCount") },
    {
      header: "PROCESSES",
      cell: (row) =>
        row.processes.map(({ label, isAlive }) => (isAlive ? label : `${label} (dead)`)).join(" "),
    },
  ]);
  process.stdout.write("\n");
  if (lab.services.length > 0) {
    printRows("table", lab.services, [
      { header: "PROCESS", cell: (row) => row.label },
      { header: "PID", cell: (row) => String(row.pid) },
      { header: "ALIVE", cell: (row) => (row.isAlive ? "yes" : "no") },
      { header: "LOG", cell: (row) => row.logFile ?? "-" },
    ]);
    process.stdout.write("\n");
  }
  if (lab.routeServers.length > 0) {
    printRows("table", lab.routeServers, [
      { header: "ROUTE SERVER", cell: (row) => row.name },
      { header: "ADDRESS", cell: (row) => row.address },
      { header: "CERTIFICATE", cell: (row) => row.dnsName },
      { header: "ALIVE", cell: (row) => (row.isAlive ? "yes" : "no") },
      { header: "SESSIONS", cell: (row) => String(row.established ?? "-") },
    ]);
    process.stdout.write("\n");
  }
  printRows("table", lab.cables, [
    { header: "CABLE", cell: (row) => row.name },
    { header: "STATE", cell: (row) => row.state },
  ]);
}

function countOf(
  device: LabStatus["devices"][number],
  count: "ospfFullCount" | "evpnEstablishedCount",
): string {
  if (device.switch === undefined) return "-";
  return `${device.switch.state[count]}/${device.switch.goal[count]}`;
}

function isWell({ devices, services, routeServers, cables }: LabStatus): boolean {
  return (
    routeServers.every(({ isAlive, established }) => isAlive && established !== undefined) &&
    services.every(({ isAlive }) => isAlive) &&
    cables.every(({ state }) => state === "up") &&
    devices.every(
      ({ isAlive, processes }) => isAlive && processes.every((process) => process.isAlive),
    )
  );
}

async function shell(
  device: string,
  argv: readonly string[],
  netns: string | undefined,
  command: Command,
): Promise<void> {
  const { stateDir } = globalOptions(command);
  const inside = argv.length > 0 ? argv : [process.env["SHELL"] ?? "/bin/sh"];
  const [program, ...args] = argvInDevice(device, inside, {
    stateDir,
    ...(netns === undefined ? {} : { netns }),
  }) as [string, ...string[]];
  const result = spawnSync(program, args, { stdio: "inherit" });
  if (result.error !== undefined) throw new CliError(result.error.message);
  if (result.status !== 0) {
    throw new CliError("", result.status === null ? exitCodes.unavailable : result.status);
  }
}

async function fail(cable: string, restore: boolean, command: Command): Promise<void> {
  const { stateDir } = globalOptions(command);
  await (restore ? restoreLink(cable, { stateDir }) : failLink(cable, { stateDir }));
  process.stderr.write(`lab: ${cable} is ${restore ? "plugged in" : "cut"}\n`);
}
