/**
 * The lab as `make lab` makes it, and what the product promises in it: flows, small tables, fixed
 * addresses that move, a cut cable, a killed agent. One boot for all tests; they run in order.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { agentLabel, failLink, processInDevice, restoreLink, verifyFlows } from "@heddle/lab";
import { EchoConnections } from "./echo-connections.ts";
import { echoPod, eventually, LabFixture } from "./lab-fixture.ts";
import { pingDuring } from "./ping.ts";

let fixture: LabFixture;

before(async () => {
  fixture = await LabFixture.boot();
});

after(async () => {
  await fixture[Symbol.asyncDispose]();
  assert.equal(existsSync(fixture.stateDir), false);
});

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("every flow passes, with the sender's own address visible", async () => {
  const rows = await verifyFlows(fixture.lab);
  assert.deepEqual(
    rows.filter((row) => row.verdict !== "pass"),
    [],
  );
  assert.ok(rows.length >= 48, `${rows.length} rows`);
});

test("a node's BGP routes are one default of each family, however many pods there are", async () => {
  for (const node of ["node1", "node2", "node3"]) {
    const routes4 = await fixture.inDevice(
      node,
      "ip",
      "-json",
      "-4",
      "route",
      "show",
      "proto",
      "bgp",
    );
    const routes6 = await fixture.inDevice(
      node,
      "ip",
      "-json",
      "-6",
      "route",
      "show",
      "proto",
      "bgp",
    );
    for (const text of [routes4, routes6]) {
      const destinations = (JSON.parse(text) as { dst: string }[]).map(({ dst }) => dst);
      assert.deepEqual(destinations, ["default"], node);
    }
  }
});

test("a spine's table does not grow with pods", async () => {
  const countOf = async (): Promise<number> => {
    const argv = ["vtysh", "-c", "show bgp l2vpn evpn route type prefix json"];
    const table = JSON.parse(await fixture.inDevice("spine1", ...argv)) as Record<string, unknown>;
    return Object.values(table)
      .filter((rd): rd is Record<string, unknown> => typeof rd === "object" && rd !== null)
      .flatMap((rd) => Object.keys(rd).filter((key) => key.startsWith("[5]"))).length;
  };
  const before = await countOf();
  assert.ok(before > 0);
  await fixture.kubectl("scale", "deployment", "web", "--replicas=24");
  await eventually("24 pods ready", 60_000, async () => {
    const text = await fixture.kubectl("get", "deployment", "web", "-o", "json");
    const { status } = JSON.parse(text) as { status: { readyReplicas?: number } };
    return status.readyReplicas === 24 ? true : undefined;
  });
  assert.equal(await countOf(), before);
  await fixture.kubectl("scale", "deployment", "web", "--replicas=6");
});

test("a fixed address answers from another rack after a move, as the only host route", async () => {
  const address = "10.244.128.10";
  const annotations = { "heddle.io/ip": address };
  await fixture.apply(echoPod("db", "node1", annotations));
  const first = await fixture.runningPod("db");
  assert.equal(first.status.podIPs?.[0]?.ip, address);
  await fixture.kubectl("delete", "pod", "db", "--wait=true");
  await fixture.apply(echoPod("db", "node3", annotations));
  const moved = await fixture.runningPod("db");
  assert.deepEqual([moved.spec.nodeName, moved.status.podIPs?.[0]?.ip], ["node3", address]);
  const runningMs = performance.now();
  await eventually("an answer from the other rack", 5_000, async () => {
    const argv = ["ping", "-n", "-c", "1", "-W", "0.1", address];
    return await fixture.inDevice("ext1", ...argv).catch(() => undefined);
  });
  const waitedMs = Math.round(performance.now() - runningMs);
  console.log(`moved address answered beyond the fabric ${waitedMs} ms after its pod was Running`);
  const hostRoute = /\[5\]:\[0\]:\[32\]:\[10\.244\.[\d.]+\]/g;
  const argv = ["vtysh", "-c", "show bgp l2vpn evpn route type prefix"];
  const hostRoutes = await eventually("the host route on the spine", 5_000, async () => {
    const found = new Set((await fixture.inDevice("spine1", ...argv)).match(hostRoute));
    return found.size > 0 ? [...found] : undefined;
  });
  assert.deepEqual(hostRoutes, [`[5]:[0]:[32]:[${address}]`]);
  await fixture.kubectl("delete", "pod", "db", "--wait=true");
});

test("a cut cable breaks no connection across racks", async () => {
  await fixture.apply(echoPod("far", "node1"));
  const pod = await fixture.runningPod("far");
  const address = pod.status.podIPs?.[0]?.ip as string;
  const connections = new EchoConnections(fixture, "bm1", address, 8);
  const { sent, received } = await pingDuring(fixture, "bm1", address, 10, async () => {
    await wait(500);
    await failLink("node1:leaf1", { stateDir: fixture.stateDir });
    await wait(3_000);
    await restoreLink("node1:leaf1", { stateDir: fixture.stateDir });
    await wait(3_000);
  });
  const { open, answers } = await connections.end();
  console.log(
    `cut and restored cable: ${sent - received} of ${sent} pings at 100/s lost, ` +
      `${open} of 8 connections open after ${answers} answers`,
  );
  assert.equal(open, 8);
  assert.ok(received > sent * 0.9, `${received} of ${sent}`);
  const rows = await verifyFlows(fixture.lab);
  assert.deepEqual(
    rows.filter((row) => row.verdict !== "pass"),
    [],
  );
});

test("a killed agent loses no packet, and pods created meanwhile start when it is back", async () => {
  const address = (await fixture.runningPod("far")).status.podIPs?.[0]?.ip as string;
  const { stateDir } = fixture;
  const result = await pingDuring(fixture, "bm1", address, 10, async () => {
    await wait(300);
    const agent = processInDevice("node1", agentLabel, { stateDir });
    assert.notEqual(agent, undefined);
    process.kill(agent?.pid as number, "SIGKILL");
    await fixture.apply(echoPod("meanwhile", "node1"));
    await wait(1_500);
    await fixture.repair();
    await fixture.runningPod("meanwhile");
    await wait(1_000);
  });
  assert.equal(result.received, result.sent);
  const rows = await verifyFlows(fixture.lab);
  assert.deepEqual(
    rows.filter((row) => row.verdict !== "pass"),
    [],
  );
});
