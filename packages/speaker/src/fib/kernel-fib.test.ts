import assert from "node:assert/strict";
import { test } from "node:test";
import type { LocRibChange } from "@heddle/bgp";
import {
  formatIp,
  formatPrefix,
  type Ifindex,
  type Prefix,
  parseIp,
  parsePrefix,
} from "@heddle/inet";
import { seededRng, silentLog, VirtualClock } from "@heddle/std";
import { KernelFib } from "./kernel-fib.ts";
import type {
  FibHint,
  FibNexthop,
  FibOperation,
  FibOutcome,
  FibRoute,
  RouteKernel,
} from "./route-kernel.ts";

/** A kernel that refuses next hops of links that are down, like the real one. */
class FakeKernel implements RouteKernel {
  readonly routes: Map<string, FibRoute> = new Map();
  readonly foreign: Set<Prefix> = new Set();
  readonly unusable: Set<string> = new Set();
  readonly batches: string[][] = [];
  fault: Error | undefined;
  hint: (hint: FibHint) => void = () => undefined;

  async observe(): Promise<readonly FibRoute[]> {
    if (this.fault !== undefined) throw this.fault;
    return [...this.routes.values()];
  }

  async submit(operations: readonly FibOperation[]): Promise<readonly FibOutcome[]> {
    if (this.fault !== undefined) throw this.fault;
    if (operations.length > 0)
      this.batches.push(operations.map(({ kind, route }) => line(kind, route)));
    return operations.map((op) => this.#one(op));
  }

  async usable(nexthops: readonly FibNexthop[]): Promise<readonly FibNexthop[]> {
    return nexthops.filter((hop) => !this.unusable.has(formatIp(hop.via)));
  }

  [Symbol.dispose](): void {}

  put(prefix: string, metric: number, ...hops: string[]): void {
    const nexthops = hops.map((h) => ({ via: parseIp(h), ifindex: 7 as Ifindex }));
    this.routes.set(`${prefix}@${metric}`, { prefix: parsePrefix(prefix), metric, nexthops });
  }

  remove(prefix: string): void {
    this.routes.delete(`${prefix}@20`);
    this.hint({ kind: "route", prefix: parsePrefix(prefix), route: undefined });
  }

  table(): string[] {
    return [...this.routes.values()].map((route) => line("", route)).sort();
  }

  #one({ kind, route }: FibOperation): FibOutcome {
    const key = `${formatPrefix(route.prefix)}@${route.metric}`;
    if (kind === "delete") {
      this.routes.delete(key);
      return { result: "ok" };
    }
    if (route.nexthops.some((hop) => this.unusable.has(formatIp(hop.via)))) {
      return { result: "unreachable", error: new Error("network is unreachable") };
    }
    if (kind === "create" && (this.foreign.has(route.prefix) || this.routes.has(key))) {
      return { result: "occupied", error: new Error("file exists") };
    }
    this.routes.set(key, route);
    return { result: "ok" };
  }
}

function line(kind: string, route: FibRoute): string {
  const hops = route.nexthops.map((hop) => formatIp(hop.via)).join(" ");
  return `${kind} ${formatPrefix(route.prefix)} ${route.metric} via ${hops}`.trim();
}

function change(prefix: string, ...hops: string[]): LocRibChange {
  return { prefix: parsePrefix(prefix), nextHops: hops.map((h) => ({ address: parseIp(h) })) };
}

interface Bench {
  readonly kernel: FakeKernel;
  readonly clock: VirtualClock;
  readonly fib: KernelFib;
}

async function start(prepare: (kernel: FakeKernel) => void = () => undefined): Promise<Bench> {
  const kernel = new FakeKernel();
  prepare(kernel);
  const clock = new VirtualClock();
  const deps = { log: silentLog, clock, rng: seededRng(1) };
  const fib = await KernelFib.over({ metric: 20 }, deps, (hint) => {
    kernel.hint = hint;
    return kernel;
  });
  return { kernel, clock, fib };
}

/** Lets time pass, and what it started come to an end. */
async function pass({ clock }: Bench, ms: number): Promise<void> {
  clock.advance(ms);
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

test("apply() installs multipath routes and replaces them in one operation", async () => {
  const { kernel, fib } = await start();
  await fib.apply([change("0.0.0.0/0", "192.0.2.2", "192.0.2.1"), change("::/0", "2001:db8::1")]);
  await fib.apply([change("0.0.0.0/0", "192.0.2.1")]);
  await fib.apply([change("::/0")]);
  assert.deepEqual(kernel.batches, [
    ["create 0.0.0.0/0 20 via 192.0.2.1 192.0.2.2", "create ::/0 20 via 2001:db8::1"],
    ["replace 0.0.0.0/0 20 via 192.0.2.1"],
    ["delete ::/0 20 via 2001:db8::1"],
  ]);
  assert.deepEqual(fib.status(), { installedCount: 1, staleCount: 0, open: [] });
});

test("adopted routes stay until converged(), confirmed ones are not touched", async () => {
  const { kernel, fib } = await start((k) => {
    k.put("0.0.0.0/0", 20, "192.0.2.1", "192.0.2.2");
    k.put("10.0.0.0/8", 20, "192.0.2.1");
    k.put("10.0.0.0/8", 99, "192.0.2.1");
  });
  assert.equal(fib.status().staleCount, 2);
  await fib.apply([change("0.0.0.0/0", "192.0.2.2", "192.0.2.1")]);
  assert.deepEqual(kernel.batches, []);
  assert.equal(kernel.routes.size, 3);
  await fib.converged();
  assert.deepEqual(kernel.table(), ["0.0.0.0/0 20 via 192.0.2.1 192.0.2.2"]);
  assert.equal(fib.status().staleCount, 0);
});

test("what others delete is put back, and the echo of an own operation ignored", async () => {
  const bench = await start();
  const { kernel, fib } = bench;
  await fib.apply([change("0.0.0.0/0", "192.0.2.1")]);
  const route = [...kernel.routes.values()][0]!;
  const nexthops = route.nexthops.map((hop) => ({ ...hop, ifindex: 7 as Ifindex }));
  kernel.hint({ kind: "route", prefix: route.prefix, route: { ...route, nexthops } });
  assert.equal(bench.clock.pendingCount, 0);
  kernel.remove("0.0.0.0/0");
  assert.equal(kernel.routes.size, 0);
  await pass(bench, 50);
  assert.deepEqual(kernel.table(), ["0.0.0.0/0 20 via 192.0.2.1"]);
});

test("a next hop dropped with its link is put back after the link event", async () => {
  const bench = await start((k) => k.put("0.0.0.0/0", 20, "192.0.2.1", "192.0.2.2"));
  const { kernel, fib } = bench;
  await fib.apply([change("0.0.0.0/0", "192.0.2.1", "192.0.2.2")]);
  kernel.put("0.0.0.0/0", 20, "192.0.2.2");
  kernel.unusable.add("192.0.2.1");
  kernel.hint({ kind: "link", ifindex: 7 as Ifindex });
  await pass(bench, 50);
  assert.equal(fib.status().open[0]?.status.state, "error");
  assert.deepEqual(kernel.table(), ["0.0.0.0/0 20 via 192.0.2.2"]);
  kernel.unusable.clear();
  kernel.hint({ kind: "link", ifindex: 7 as Ifindex });
  await pass(bench, 50);
  assert.deepEqual(kernel.table(), ["0.0.0.0/0 20 via 192.0.2.1 192.0.2.2"]);
  assert.deepEqual(fib.status().open, []);
});

test("while one link of a new multipath route is down, the others carry it", async () => {
  const bench = await start((k) => k.unusable.add("192.0.2.1"));
  const { kernel, fib } = bench;
  await fib.apply([change("0.0.0.0/0", "192.0.2.1", "192.0.2.2")]);
  assert.deepEqual(kernel.table(), ["0.0.0.0/0 20 via 192.0.2.2"]);
  kernel.unusable.clear();
  await pass(bench, 30_000);
  assert.deepEqual(kernel.table(), ["0.0.0.0/0 20 via 192.0.2.1 192.0.2.2"]);
});

test("a route of another protocol is left alone, reported and tried again", async () => {
  const bench = await start((k) => k.foreign.add(parsePrefix("0.0.0.0/0")));
  const { kernel, fib } = bench;
  await fib.apply([change("0.0.0.0/0", "192.0.2.1"), change("10.0.0.0/8", "192.0.2.1")]);
  assert.deepEqual(kernel.table(), ["10.0.0.0/8 20 via 192.0.2.1"]);
  const [open] = fib.status().open;
  assert.ok(open?.status.state === "error" && open.status.error.message === "file exists");
  for (let i = 0; i < 60; i += 1) await pass(bench, 1000);
  assert.ok(
    kernel.batches.length > 4 && kernel.batches.length < 15,
    `${kernel.batches.length} attempts`,
  );
  kernel.foreign.clear();
  await pass(bench, 30_000);
  assert.equal(kernel.routes.size, 2);
});

test("a fault of netlink rejects apply(), and everything is made good afterwards", async () => {
  const bench = await start();
  const { kernel, fib } = bench;
  kernel.fault = new Error("no buffer space");
  await assert.rejects(fib.apply([change("0.0.0.0/0", "192.0.2.1")]), /no buffer space/);
  for (let i = 0; i < 10; i += 1) await pass(bench, 1000);
  kernel.fault = undefined;
  await pass(bench, 30_000);
  assert.deepEqual(kernel.table(), ["0.0.0.0/0 20 via 192.0.2.1"]);
  await fib[Symbol.asyncDispose]();
  assert.equal(kernel.routes.size, 1);
});

test("many changes go out in batches of at most 256", async () => {
  const { kernel, fib } = await start();
  const changes = Array.from({ length: 1000 }, (_, i) =>
    change(`10.${i >> 8}.${i & 255}.0/24`, "192.0.2.1"),
  );
  await fib.apply(changes);
  assert.deepEqual(
    kernel.batches.map((batch) => batch.length),
    [256, 256, 256, 232],
  );
  assert.equal(fib.status().installedCount, 1000);
});
