import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fabricKind, linkKind, switchKind } from "@heddle/api";
import { formatIp } from "@heddle/inet";
import { parseLabDefinition } from "../definition/parse.ts";
import { LabError } from "../errors.ts";
import { deriveTopology, type LabDevice } from "./topology.ts";
import { hostStage, pairLine, planPairs, switchStages, vtepLine } from "./wiring.ts";

const root = path.resolve(import.meta.dirname, "../../../..");
const definition = parseLabDefinition(readFileSync(path.join(root, "examples/lab.yaml"), "utf8"));
const lab = deriveTopology(definition);

function deviceNamed(name: string): LabDevice {
  return lab.devices.find((device) => device.name === name) as LabDevice;
}

test("deriveTopology() gives valid objects of the API", () => {
  const { fabric, switches, links } = lab.objects;
  assert.deepEqual(fabricKind.validate(fabric), []);
  assert.deepEqual(
    switches.flatMap((it) => switchKind.validate(it)),
    [],
  );
  assert.deepEqual(
    links.flatMap((it) => linkKind.validate(it)),
    [],
  );
  assert.equal(switches.length, 6);
  assert.equal(links.length, 8 + 2 * 5 + 2);
});

test("deriveTopology() puts both links of an attachment on one cable", () => {
  const cable = lab.cables.find(({ name }) => name === "node1:leaf1");
  const links = cable?.links.map(({ name, kind, a, b }) => {
    return `${name} ${kind} ${a.ifname}-${b.ifname} ${formatIp(b.addresses[0]!.address)}`;
  });
  assert.deepEqual(links, [
    "node1-leaf1 tenant node1-leaf1 172.16.0.3",
    "node1-leaf1-underlay underlay node1-u-leaf1-u 172.17.0.3",
  ]);
});

test("deriveTopology() numbers nodes in the management network", () => {
  const nodes = lab.devices.filter(({ role }) => role === "node");
  assert.deepEqual(
    nodes.map((it) => `${it.name} ${formatIp(it.managementAddress!)}`),
    ["node1 198.18.0.11", "node2 198.18.0.12", "node3 198.18.0.13"],
  );
  assert.equal(formatIp(lab.management.address), "198.18.0.1");
  assert.deepEqual(
    lab.management.routeServers.map(({ name, address }) => `${name} ${formatIp(address)}`),
    ["rs1 198.18.0.2", "rs2 198.18.0.3"],
  );
});

test("deriveTopology() refuses a device named like what is in the management network", () => {
  for (const name of ["mgmt", "rs2"]) {
    const text = definition.text.replaceAll("bm1", name);
    assert.throws(() => deriveTopology(parseLabDefinition(text)), LabError);
  }
});

test("planPairs() makes each pair once, in its final namespaces", () => {
  const pairs = planPairs(lab);
  assert.equal(pairs.length, lab.objects.links.length + 3);
  const attachment = pairs.find(({ owner, ifname }) => owner === "leaf1" && ifname === "node1");
  assert.equal(
    pairLine(attachment!, 4711),
    "link add node1 netns tenant mtu 9000 type veth peer name leaf1 netns 4711 mtu 9000",
  );
});

test("switchStages() sets addresses in the namespaces of their VRFs", () => {
  const config = lab.switchConfigs.get("leaf3")!;
  assert.equal(
    vtepLine(config, config.vrfs[0]!),
    "link add vx10100 netns tenant type vxlan id 10100 dstport 4789 local 10.255.0.5 nolearning",
  );
  const [own, tenant] = switchStages(config);
  assert.ok(own?.lines.includes("address replace 10.255.0.5/32 dev lo"));
  assert.equal(tenant?.netns, "tenant");
  assert.ok(tenant?.lines.includes("address replace fd00:192:168:50::1/64 dev bm1 nodad"));
});

test("hostStage() gives the bridge an address for the API server and each route server", () => {
  const bridge = hostStage(lab, deviceNamed("mgmt")).lines;
  for (const address of ["198.18.0.1/24", "198.18.0.2/24", "198.18.0.3/24"]) {
    assert.ok(bridge.includes(`address replace ${address} dev mgmt0`), address);
  }
});

test("hostStage() routes a node to the VTEPs, and a server to everything", () => {
  const node = hostStage(lab, deviceNamed("node1")).lines;
  assert.ok(
    node.includes(
      "route replace 10.255.0.0/24 proto static nexthop via 172.17.0.2 nexthop via 172.17.0.6",
    ),
  );
  assert.equal(
    node.some((line) => line.includes("0.0.0.0/0")),
    false,
  );
  const server = hostStage(lab, deviceNamed("bm1")).lines;
  assert.ok(server.includes("route replace 0.0.0.0/0 via 192.168.50.1 proto static"));
  assert.ok(server.includes("route replace ::/0 via fd00:192:168:50::1 proto static"));
});
