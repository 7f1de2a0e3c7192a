/** `heddle ipam who` from the sources, against agents that answer for the nodes of a lab. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import type { AllocationView } from "@heddle/node";
import { repositoryFile } from "../repository.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heddle-ipam-"));
const agents: http.Server[] = [];

function allocation(node: string, address: string, vpc: string, pod: string): AllocationView {
  return {
    ...{ node, address, vpc, namespace: "default", pod, containerId: `${pod}-0123456789abcdef` },
    ...{ ifname: "eth0", since: "2026-01-01T00:00:00.000Z", claim: null },
  };
}

/** Two pods of VPCs with one address, and the infrastructure address of one of them. */
const allocations: Readonly<Record<string, readonly AllocationView[]>> = {
  node1: [
    allocation("node1", "10.0.0.5", "red", "web"),
    allocation("node1", "10.244.0.9", "default", "web"),
  ],
  node2: [allocation("node2", "10.0.0.5", "blue", "db")],
  node3: [],
};

before(async () => {
  copyFileSync(repositoryFile("examples/lab.yaml"), path.join(folder, "lab.yaml"));
  for (const [node, rows] of Object.entries(allocations)) {
    const directory = path.join(folder, "devices", node, "run/heddle");
    mkdirSync(directory, { recursive: true });
    const server = http.createServer((_request, response) => response.end(JSON.stringify(rows)));
    agents.push(server);
    await new Promise<void>((resolve) => {
      server.listen(path.join(directory, "agent.sock"), resolve);
    });
  }
});

after(() => {
  for (const agent of agents) agent.close();
  rmSync(folder, { recursive: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function who(...args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, HEDDLE_FROM_SOURCE: "1", KUBECONFIG: "", NO_COLOR: "1" };
  const argv = ["--state-dir", folder, "ipam", "who", ...args];
  return new Promise((resolve) => {
    execFile(repositoryFile("bin/heddle"), argv, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test("ipam who names every pod that has the address, with its VPC", async () => {
  const { code, stdout } = await who("10.0.0.5");
  assert.equal(code, 0);
  const since = "since 2026-01-01T00:00:00.000Z";
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    `10.0.0.5 in VPC red: pod default/web on node1, eth0 of container web-01234567, ${since}`,
    `10.0.0.5 in VPC blue: pod default/db on node2, eth0 of container db-012345678, ${since}`,
  ]);
  const native = await who("10.244.0.9");
  assert.match(native.stdout, /^10\.244\.0\.9 in VPC default: pod default\/web on node1/);
});

test("ipam who --vpc looks in one VPC, with exit code 1 when nobody there has it", async () => {
  const blue = await who("10.0.0.5", "--vpc", "blue");
  assert.deepEqual([blue.code, blue.stdout.split("\n").length], [0, 2]);
  assert.match(blue.stdout, /default\/db on node2/);
  const none = await who("10.0.0.5", "--vpc", "green");
  assert.deepEqual(none, {
    ...{ code: 1, stdout: "" },
    stderr: "heddle: nobody has 10.0.0.5 in VPC green\n",
  });
});
