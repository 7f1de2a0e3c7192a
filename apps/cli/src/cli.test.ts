/**
 * The command as people run it, against a state directory with a lab's file and agents' sockets.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { repositoryFile } from "./repository.ts";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const folder = mkdtempSync(path.join(tmpdir(), "hd-"));
const labDir = path.join(folder, "lab");
const noLab = path.join(folder, "none");
const agents: http.Server[] = [];

/** Runs `bin/heddle` from the sources, without a kubeconfig. */
function heddle(...args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, HEDDLE_FROM_SOURCE: "1", KUBECONFIG: "", NO_COLOR: "1" };
  return new Promise((resolve) => {
    execFile(repositoryFile("bin/heddle"), args, { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, stdout, stderr });
    });
  });
}

/** The same, for a reader that is gone before anything is written. */
async function unread(...args: readonly string[]): Promise<Pick<Outcome, "code" | "stderr">> {
  const env = { ...process.env, HEDDLE_FROM_SOURCE: "1", KUBECONFIG: "" };
  const child = spawn(repositoryFile("bin/heddle"), args, {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, stderr };
}

function inLab(...args: readonly string[]): Promise<Outcome> {
  return heddle("--state-dir", labDir, ...args);
}

const since = "2026-01-01T00:00:00.000Z";
const allocation = {
  ...{ node: "node1", address: "10.244.0.5", vpc: "default", namespace: "default", pod: "web" },
  ...{ containerId: "0123456789abcdef", ifname: "eth0", since, claim: null },
};
const block = {
  ...{ node: "node1", cidr: "10.244.0.0/26", vpc: "default", pool: "pods-ipv4", subnet: "pods" },
  ...{ size: 64, used: 1 },
};

const vrf = {
  ...{ node: "node1", vrf: "red", vrfId: 7, routeDistinguisher: "198.18.0.11:7", vni: 7 },
  ...{ importTargets: ["65203:7"], exportTargets: ["65203:7", "65000:1"] },
  ...{ endpoint: "198.18.0.11", ownRouteCount: 1, importedRouteCount: 2 },
};
const hop = "vxlan 198.18.0.12 vni 7 mac 02:0e:c6:12:00:0c";
const vrfRoutes = [
  { node: "node1", vrf: "red", prefix: "10.0.0.0/26", source: "own", hops: ["local"] },
  { node: "node1", vrf: "red", prefix: "10.0.0.64/26", source: "ip-prefix", hops: [hop] },
].map((route) => ({ ...route, isInstalled: route.source === "own" }));

/** What the agent of node1 answers; anything else is refused as an agent refuses it. */
const answers: Readonly<Record<string, string>> = {
  "/v1/ipam/blocks": JSON.stringify([block]),
  "/v1/ipam/allocations": JSON.stringify([allocation]),
  "/v1/bgp/peers": "this is no JSON",
  "/v1/bgp/vrfs": JSON.stringify([vrf]),
  "/v1/bgp/vrfs/routes?vrf=red": JSON.stringify({ routes: vrfRoutes, omittedCount: 0 }),
  "/v1/bgp/vrfs/routes?vrf=wide": JSON.stringify({ routes: vrfRoutes, omittedCount: 5 }),
};

function startAgent(socketPath: string): Promise<void> {
  mkdirSync(path.dirname(socketPath), { recursive: true });
  const server = http.createServer((request, response) => {
    const answer = answers[request.url as string];
    if (request.url === "/v1/status")
      response.writeHead(200).write('{"node":', () => response.destroy());
    else if (answer === undefined) response.writeHead(400).end('{"message":"no such prefix"}');
    else response.end(answer);
  });
  agents.push(server);
  return new Promise((resolve) => server.listen(socketPath, resolve));
}

before(async () => {
  mkdirSync(labDir);
  copyFileSync(repositoryFile("examples/lab.yaml"), path.join(labDir, "lab.yaml"));
  await startAgent(path.join(labDir, "devices/node1/run/heddle/agent.sock"));
});

after(() => {
  for (const agent of agents) agent.close();
  rmSync(folder, { recursive: true });
});

test("every command explains itself", async () => {
  const commands = [
    ["lab shell", "--netns <name>"],
    ["bgp routes", "--longer"],
    ["bgp explain", "--family <family>"],
    ["bgp vrfs", "no node has the named one"],
    ["get", "--all-namespaces"],
    ["node status", "--node <name>"],
    ["", "Exit codes:"],
  ] as const;
  for (const [command, text] of commands) {
    const words = command.split(" ").filter((word) => word !== "");
    const { code, stdout, stderr } = await heddle(...words, "--help");
    assert.deepEqual([code, stderr], [0, ""], command);
    assert.ok(stdout.includes(text), `${command}: ${stdout}`);
  }
});

test("a wrong command line is one clear line and exit code 2", async () => {
  const wrong: readonly (readonly [args: readonly string[], line: RegExp])[] = [
    [["bgp", "peers", "--nod", "x"], /unknown option '--nod'/],
    [["labb"], /unknown command 'labb'/],
    [["--output", "xml", "ipam", "show"], /'xml' is invalid. Allowed choices are table, json/],
    [["ipam", "who"], /missing required argument 'address'/],
    [["ipam", "who", "10.0.0.300"], /^heddle: Cannot parse IPv4 address "10.0.0.300"/],
    [["lab", "up", "--file", "/absent.yaml"], /^heddle: Cannot read the lab's definition: ENOENT/],
    [["bgp", "peers", "--node", "nodeX"], /^heddle: no node nodeX in the lab, want one of: node1/],
  ];
  for (const [args, line] of wrong) {
    const { code, stdout, stderr } = await inLab(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, line);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test("without a lab every command says so, with exit code 3", async () => {
  for (const command of ["verify flows", "lab shell leaf1", "ipam show --node n", "get pods"]) {
    const { code, stdout, stderr } = await heddle("--state-dir", noLab, ...command.split(" "));
    assert.deepEqual([code, stdout], [3, ""], command);
    assert.match(stderr, /^heddle: .*lab.*\n$/);
  }
});

test("rows are a table for people and JSON for programs", async () => {
  const show = ["ipam", "show", "--node", "node1"];
  const table = await inLab(...show);
  assert.deepEqual([table.code, table.stderr], [0, ""]);
  assert.deepEqual(cellsOf(table.stdout), [
    ["BLOCK", "VPC", "NODE", "SUBNET", "POOL", "USED"],
    ["10.244.0.0/26", "default", "node1", "pods", "pods-ipv4", "1/64"],
    [""],
  ]);
  const json = await inLab("--output", "json", ...show);
  assert.deepEqual(JSON.parse(json.stdout), [block]);
});

function cellsOf(stdout: string): string[][] {
  return stdout.split("\n").map((line) => line.trim().split(/ {2,}/));
}

test("VRFs are shown with what they import, and routes with whether they are installed", async () => {
  const vrfs = await inLab("bgp", "vrfs", "--node", "node1");
  assert.deepEqual([vrfs.code, vrfs.stderr], [0, ""]);
  assert.deepEqual(cellsOf(vrfs.stdout)[1], [
    ...["node1", "red", "7", "198.18.0.11:7", "7", "65203:7", "65203:7 65000:1"],
    ...["198.18.0.11", "1", "2"],
  ]);
  const red = await inLab("bgp", "vrfs", "red", "--node", "node1");
  assert.equal(red.code, 0);
  assert.deepEqual(cellsOf(red.stdout).slice(0, 3), [
    ["NODE", "ROUTE", "SOURCE", "HOPS", "INSTALLED"],
    ["node1", "10.0.0.0/26", "own", "local", "yes"],
    ["node1", "10.0.0.64/26", "ip-prefix", hop, "no"],
  ]);
  assert.match(red.stderr, /not installed .* the data plane has no tunnels/);
  const json = await inLab("--output", "json", "bgp", "vrfs", "red", "--node", "node1");
  assert.deepEqual([json.stderr, JSON.parse(json.stdout)], ["", vrfRoutes]);
  const wide = await inLab("bgp", "vrfs", "wide", "--node", "node1");
  assert.equal(wide.code, 3);
  assert.match(wide.stderr, /^heddle: 5 more routes are not shown$/m);
});

test("an agent that is down, refuses or answers badly is one line and exit code 3", async () => {
  const socket = path.join(labDir, "devices/node1/run/heddle/agent.sock");
  const routes = await inLab("bgp", "routes", "--node", "node1", "x", "--longer");
  assert.deepEqual(
    [routes.code, routes.stderr],
    [3, `heddle: the agent at ${socket} refused: no such prefix\n`],
  );
  const peers = await inLab("bgp", "peers", "--node", "node1");
  assert.deepEqual(
    [peers.code, peers.stderr],
    [3, `heddle: the agent at ${socket} answered "this is no JSON", want JSON\n`],
  );
  const down = await inLab("ipam", "show", "--node", "node2");
  assert.equal(down.code, 3);
  assert.match(down.stderr, /^heddle: Cannot ask the agent at .*node2.*: connect ENOENT .*\n$/);
});

test("node status shows an agent that breaks off as down, with exit code 1", async () => {
  const { code, stdout } = await inLab("--output", "json", "node", "status", "--node", "node1");
  assert.equal(code, 1);
  const [row] = JSON.parse(stdout) as { node: string; error: string }[];
  assert.equal(row?.node, "node1");
  assert.match(String(row?.error), /^Cannot ask the agent at .*: (aborted|socket hang up)$/);
});

test("a reader that has seen enough is no failure", async () => {
  const shown = await unread("bgp", "--help");
  assert.deepEqual(shown, { code: 0, stderr: "" });
});
