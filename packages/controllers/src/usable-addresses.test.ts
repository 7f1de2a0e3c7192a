import assert from "node:assert/strict";
import { test } from "node:test";
import { addToIp, lastIp, type Prefix, parseIp, parsePrefix, sizeOf } from "@heddle/inet";
import { isReserved } from "@heddle/ipam";
import fc from "fast-check";
import { pool, subnet } from "./testing/objects.ts";
import { countUsable, formatCount, saturate } from "./usable-addresses.ts";

const cases: readonly (readonly [string, string, readonly string[], readonly string[], bigint])[] =
  [
    ["10.0.0.0/24", "10.0.0.0/24", [], [], 254n],
    ["10.0.0.0/16", "10.0.1.0/24", [], [], 256n],
    ["10.0.0.0/16", "10.0.255.0/24", [], [], 255n],
    ["10.0.0.0/24", "10.0.0.0/24", ["10.0.0.1", "10.0.0.0"], [], 253n],
    ["10.0.0.0/24", "10.0.0.0/24", ["10.0.0.1"], ["10.0.0.0/28", "10.0.0.8", "10.0.0.15"], 239n],
    ["10.0.0.0/31", "10.0.0.0/31", [], [], 2n],
    ["fd00::/48", "fd00::/64", [], ["fd00::/120"], 2n ** 64n - 256n],
    ["fd00::/127", "fd00::/127", [], [], 2n],
    ["10.0.0.0/24", "10.0.1.0/24", [], [], 0n],
    ["fd00::/48", "10.0.1.0/24", [], [], 0n],
  ];

for (const [cidr, part, gateways, excludedAddresses, wanted] of cases) {
  test(`countUsable() of ${part} in ${cidr} without ${gateways} ${excludedAddresses}`, () => {
    const found = countUsable(
      pool("a", { cidr: part }),
      subnet("pods", { cidrs: [cidr], gateways, excludedAddresses }),
    );
    assert.equal(found, wanted);
  });
}

test("countUsable() counts what isReserved() leaves", () => {
  const host = fc.integer({ min: 0, max: 0xff });
  const range = fc.oneof(
    host.map((n) => `10.0.0.${n}`),
    fc
      .tuple(host, fc.integer({ min: 25, max: 32 }))
      .map(([n, length]) => `10.0.0.${(n >> (32 - length)) << (32 - length)}/${length}`),
    fc.constantFrom("fd00::1", "fd00::/64"),
  );
  const property = fc.property(
    fc.integer({ min: 24, max: 32 }),
    host,
    fc.array(
      host.map((n) => `10.0.0.${n}`),
      { maxLength: 2 },
    ),
    fc.array(range, { maxLength: 6 }),
    (length, at, gateways, excludedAddresses) => {
      const cidr = `10.0.0.${(at >> (32 - length)) << (32 - length)}/${length}`;
      const around = subnet("pods", { cidrs: ["10.0.0.0/24"], gateways, excludedAddresses });
      assert.equal(
        countUsable(pool("a", { cidr }), around),
        countOneByOne(parsePrefix(cidr), gateways, excludedAddresses),
      );
    },
  );
  fc.assert(property, { numRuns: 300 });
});

function countOneByOne(
  prefix: Prefix,
  gateways: readonly string[],
  excluded: readonly string[],
): bigint {
  const reservation = {
    subnet: parsePrefix("10.0.0.0/24"),
    gateways: gateways.map(parseIp),
    excluded: excluded.map((text) => {
      const [first, last] = text.includes("/")
        ? [parsePrefix(text).address, lastIp(parsePrefix(text))]
        : [parseIp(text), parseIp(text)];
      return { first, last };
    }),
  };
  let count = 0n;
  for (let i = 0; i < Number(sizeOf(prefix)); i += 1) {
    if (!isReserved(reservation, addToIp(prefix.address, i))) count += 1n;
  }
  return count;
}

test("saturate() stops at what JSON can say", () => {
  assert.deepEqual([saturate(7n), saturate(2n ** 64n)], [7, Number.MAX_SAFE_INTEGER]);
});

test("formatCount() says what a person can read", () => {
  const counts = [0n, 254n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 80n - 1n, 3n * 2n ** 64n, 2n ** 128n];
  assert.deepEqual(counts.map(formatCount), [
    ...["0", "254", "9007199254740991", "~2^53"],
    ...["~2^80", "~2^66", "~2^128"],
  ]);
});
