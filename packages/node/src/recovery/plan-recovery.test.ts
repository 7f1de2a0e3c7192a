import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIfindex, parseIp, parseMac, parseVrfId } from "@heddle/inet";
import type { Allocation } from "../journal/allocation.ts";
import { planRecovery, type RecoveryInput } from "./plan-recovery.ts";

const allocation = (name: string): Allocation => ({
  network: "heddle",
  containerId: name,
  ifname: "eth0",
  netnsPath: `/run/netns/${name}`,
  hostIfname: `hv-${name}`,
  namespace: "default",
  pod: name,
  podUid: name,
  subnet: "pods",
  vpc: "default",
  vrf: parseVrfId(0),
  mac: parseMac("02:00:00:00:00:01"),
  mtu: 1500,
  addresses: [parseIp("10.0.0.5")],
  infrastructureAddresses: [],
  claim: undefined,
  sinceMs: 0,
});

const observed = (name: string) => ({
  hostIfname: `hv-${name}`,
  hostIfindex: parseIfindex(7),
  vrf: parseVrfId(0),
  addresses: [],
  infrastructureAddresses: [],
});

/** What happens to the one pod, by what is left of it. */
const table: readonly [string, Partial<RecoveryInput>, string | undefined][] = [
  ["nothing", {}, undefined],
  ["entry", { allocations: [allocation("a")] }, "forget"],
  [
    "entry, namespace",
    { allocations: [allocation("a")], namespaces: new Set(["/run/netns/a"]) },
    "keep",
  ],
  ["entry, interface", { allocations: [allocation("a")], observed: [observed("a")] }, "adopt"],
  ["interface", { observed: [observed("a")] }, "detach"],
  [
    "interface, doubtful journal",
    { observed: [observed("a")], journalIsWhole: false },
    "quarantine",
  ],
  [
    "interface, in quarantine before",
    { observed: [observed("a")], quarantined: new Set(["hv-a"]) },
    "quarantine",
  ],
  [
    "entry, interface, doubtful journal",
    { allocations: [allocation("a")], observed: [observed("a")], journalIsWhole: false },
    "adopt",
  ],
];

for (const [what, input, kind] of table) {
  test(`planRecovery() with ${what}: ${kind ?? "no step"}`, () => {
    const steps = planRecovery({
      allocations: [],
      observed: [],
      namespaces: new Set(),
      journalIsWhole: true,
      quarantined: new Set(),
      ...input,
    });
    assert.deepEqual(
      steps.map((step) => step.kind),
      kind === undefined ? [] : [kind],
    );
  });
}
