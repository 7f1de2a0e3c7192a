import assert from "node:assert/strict";
import { test } from "node:test";
import { CniError, type CniHandler } from "@heddle/cni";
import { VirtualClock } from "@heddle/std";
import { type CniDuration, timedCni } from "./timed-cni.ts";

const clock = new VirtualClock();

/** STATUS takes 20 ms, a refused DEL none, and CHECK has a fault. */
const handler: CniHandler = {
  add: () => Promise.resolve({ interfaces: [], ips: [], routes: [] }),
  del: () => Promise.reject(new CniError("TryAgainLater", "Cannot delete: busy")),
  check: () => Promise.reject(new TypeError("a fault")),
  status: async () => clock.advance(20),
  gc: () => Promise.resolve(),
};

test("timedCni() tells verb, outcome and time of each call, and changes no answer", async () => {
  const told: CniDuration[] = [];
  const timed = timedCni(handler, clock, (duration) => told.push(duration));
  const config = { cniVersion: "1.1.0", name: "heddle", type: "heddle-cni" } as never;
  await timed.status({ command: "STATUS", config });
  const attachment = { containerId: "c", ifname: "eth0", config } as never;
  await assert.rejects(timed.del(attachment), { code: "TryAgainLater" });
  await assert.rejects(timed.check(attachment), TypeError);
  await timed.gc(attachment);
  assert.deepEqual(await timed.add(attachment), { interfaces: [], ips: [], routes: [] });
  assert.deepEqual(told, [
    { verb: "STATUS", outcome: "ok", durationMs: 20 },
    { verb: "DEL", outcome: "TryAgainLater", durationMs: 0 },
    { verb: "CHECK", outcome: "Internal", durationMs: 0 },
    { verb: "GC", outcome: "ok", durationMs: 0 },
    { verb: "ADD", outcome: "ok", durationMs: 0 },
  ]);
});
