import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import type { NodeTopology } from "./plan-node-bgp.ts";
import { readTopology, writeTopology } from "./topology-file.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heddle-topology-"));
const file = path.join(folder, "topology.json");
after(() => rmSync(folder, { recursive: true }));

function topology(name: string): NodeTopology {
  const node = { apiVersion: "v1", kind: "Node", metadata: { name }, spec: {} } as const;
  return { node, links: [], fabrics: [], configurations: [], peers: [], vpcs: [] };
}

test("a topology that was written is read, by its owner only", async () => {
  await writeTopology(folder, topology("node1"));
  assert.deepEqual(await readTopology(folder), topology("node1"));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await writeTopology(folder, topology("node2"));
  assert.deepEqual(await readTopology(folder), topology("node2"));
  assert.deepEqual(readdirSync(folder), ["topology.json"]);
});

test("a file that is missing, torn or of another shape means that nothing is known", async () => {
  const whole = JSON.stringify(topology("node1"));
  const texts = ["", whole.slice(0, -1), "null", "[]", "{}", '{"node":{}}', "\0\0\0"];
  const noLinks = JSON.stringify({ ...topology("node1"), links: {} });
  for (const text of [...texts, noLinks]) {
    writeFileSync(file, text);
    assert.equal(await readTopology(folder), undefined, JSON.stringify(text));
  }
  rmSync(file);
  assert.equal(await readTopology(folder), undefined);
});

test("a file that cannot be read is an error, not a node without links", async () => {
  await assert.rejects(readTopology("/proc/self/mem"), { code: "ENOTDIR" });
});
