import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPrefix, parseIfindex, parseIp, parsePrefix } from "@heddle/inet";
import { createNetns } from "@heddle/native";
import {
  deleteLink,
  monitor,
  newAddress,
  newLink,
  newRoute,
  type Request,
  Rtnetlink,
  type RtnetlinkEvent,
} from "./mod.ts";

const up = parseIfindex(11);

/** One line per event, without what other objects do by themselves. */
function describe(event: RtnetlinkEvent): string | undefined {
  if (event.object === "link") return `${event.change} link ${event.link.name}`;
  if (event.object === "route" && event.route.protocol === 186) {
    return `${event.change} route ${formatPrefix(event.route.prefix)}`;
  }
  return undefined;
}

const addUplink: readonly Request[] = [
  newLink({ name: "ht-up", ifindex: up, up: true, kind: { name: "veth", peer: { name: "p" } } }),
  newAddress({ ifindex: up, address: parseIp("10.1.0.1"), prefixLength: 24 }),
];

function routes(count: number): readonly Request[] {
  return Array.from({ length: count }, (_, i) =>
    newRoute({
      prefix: parsePrefix(`192.${i >> 8}.${i & 255}.0/24`),
      protocol: 186,
      nexthops: [{ via: parseIp("10.1.0.2"), ifindex: up }],
    }),
  );
}

test("monitor() tells every change in another namespace, in order", async () => {
  using netns = createNetns();
  using r = new Rtnetlink(netns);
  const seen: string[] = [];
  const { promise: gone, resolve, reject } = Promise.withResolvers<void>();
  const changes = (events: readonly RtnetlinkEvent[]): void => {
    for (const event of events) {
      const line = describe(event);
      if (line !== undefined) seen.push(line);
      if (seen.filter((one) => one.startsWith("delete link")).length === 2) resolve();
    }
  };
  const failed = (error: Error): void => reject(error);
  const overrun = (): void => reject(new Error("overrun"));
  using subscription = monitor(
    ["link", "route", "address", "neighbor", "rule"],
    { changes, overrun, failed, undecodable: failed },
    netns,
  );
  assert.ok(subscription !== undefined);
  r.execute([...addUplink, ...routes(500)]);
  r.execute([deleteLink({ ifindex: up })]);
  await gone;
  const added = seen.filter((line) => line.startsWith("new route"));
  assert.deepEqual(
    added,
    Array.from({ length: 500 }, (_, i) => `new route 192.${i >> 8}.${i & 255}.0/24`),
  );
  assert.deepEqual(seen.slice(-2).sort(), ["delete link ht-up", "delete link p"]);
});
