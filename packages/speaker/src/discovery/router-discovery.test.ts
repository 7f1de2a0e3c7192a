import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, type Ip, type Ip6, parseIfindex, parseIp } from "@heddle/inet";
import type { DatagramEvents } from "@heddle/native";
import { seededRng, VirtualClock } from "@heddle/std";
import { RouterDiscovery, type RouterWire } from "./router-discovery.ts";
import { encodeAdvertisement, encodeSolicitation, routerMessageOf } from "./router-messages.ts";

const ifindex = parseIfindex(7);
const router = parseIp("fe80::1");

interface Arrival {
  readonly source?: Ip;
  readonly ttl?: number;
  readonly ifindex?: number;
}

function bench() {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const found: string[] = [];
  let events: DatagramEvents | undefined;
  const wire: RouterWire = {
    send: (bytes: Uint8Array, to: Ip6) => {
      sent.push(`${clock.nowMs()} ${routerMessageOf(bytes)} to ${formatIp(to)}`);
    },
    receive: (taken) => {
      events = taken;
    },
    [Symbol.dispose]: () => undefined,
  };
  const discovery = new RouterDiscovery(
    ...([ifindex, wire, clock, seededRng(5), 10_000] as const),
    (address) => found.push(formatIp(address)),
    (error) => found.push(error.message),
  );
  const receive = (bytes: Uint8Array, arrival: Arrival = {}): void => {
    events?.data({
      ...{ bytes, source: arrival.source ?? router, sourcePort: 0, destination: router },
      ttl: arrival.ttl ?? 255,
      ifindex: parseIfindex(arrival.ifindex ?? 7),
    });
  };
  return { clock, sent, found, discovery, receive };
}

test("a neighbour is what advertises itself from the link itself, by its link-local address", () => {
  const { found, receive } = bench();
  const advertisement = encodeAdvertisement();
  receive(advertisement, { ttl: 254 });
  receive(advertisement, { ifindex: 8 });
  receive(advertisement, { source: parseIp("2001:db8::1") });
  receive(encodeSolicitation());
  assert.deepEqual(found, []);
  receive(advertisement);
  assert.deepEqual(found, ["fe80::1"]);
});

test("messages that RFC 4861 6.1 wants dropped are", () => {
  const option = Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 1);
  const withOption = (length: number): Uint8Array => {
    const bytes = Uint8Array.of(...encodeAdvertisement(), ...option);
    bytes[17] = length;
    return bytes;
  };
  assert.equal(routerMessageOf(withOption(1)), "advertisement");
  assert.equal(routerMessageOf(withOption(0)), undefined);
  assert.equal(routerMessageOf(withOption(2)), undefined);
  assert.equal(routerMessageOf(encodeAdvertisement().subarray(0, 15)), undefined);
  assert.equal(routerMessageOf(encodeAdvertisement().with(1, 1)), undefined);
  assert.equal(routerMessageOf(encodeSolicitation().subarray(0, 7)), undefined);
  assert.equal(routerMessageOf(new Uint8Array(0)), undefined);
});

test("solicitations stop when somebody is known, and after three of them", () => {
  const alone = bench();
  alone.clock.advance(60_000);
  const solicitations = alone.sent.filter((line) => line.includes("solicitation"));
  assert.deepEqual(solicitations, [
    "0 solicitation to ff02::2",
    "4000 solicitation to ff02::2",
    "8000 solicitation to ff02::2",
  ]);
  const met = bench();
  met.receive(encodeAdvertisement());
  met.clock.advance(60_000);
  assert.equal(met.sent.filter((line) => line.includes("solicitation")).length, 1);
});

test("advertisements come at once, then each interval, and after the last message none", () => {
  const { clock, sent, discovery } = bench();
  clock.advance(60_000);
  const times = sent.filter((line) => line.includes("advertisement")).map(Number.parseFloat);
  assert.equal(times[0], 0);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  assert.ok(
    gaps.every((gap) => gap >= 7500 && gap <= 10_000),
    gaps.join(" "),
  );
  discovery[Symbol.dispose]();
  assert.equal(clock.pendingCount, 0);
});

test("a solicitation is answered soon, a flood of them not more often than every 3 s", () => {
  const { clock, sent, receive } = bench();
  const times = (): number[] =>
    sent.filter((line) => line.includes("advertisement")).map(Number.parseFloat);
  clock.advance(100);
  for (let i = 0; i < 50; i += 1) {
    receive(encodeSolicitation());
    clock.advance(100);
  }
  const gaps = times()
    .slice(1)
    .map((time, i) => time - (times()[i] ?? 0));
  assert.ok(gaps.length >= 1 && gaps.every((gap) => gap >= 3000), gaps.join(" "));
});
