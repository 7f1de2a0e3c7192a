import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  containsIp,
  formatIp,
  formatMac,
  formatPrefix,
  formatRouteDistinguisher,
  formatRouteTarget,
  type Ip,
  ipFromBytes,
  ipToBytes,
  isLinkLocal6,
  lastIp,
  macFromBytes,
  macToBytes,
  overlaps,
  ParseError,
  parseAsn,
  parseInterfaceAddress,
  parseIp,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  parseVni,
  prefixOf,
  subPrefix,
} from "./mod.ts";

const anyIp: fc.Arbitrary<Ip> = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }).map((n) => n as Ip),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((n) => n as Ip),
);

test("parseIp() is the inverse of formatIp(), also through bytes", () => {
  fc.assert(
    fc.property(anyIp, (ip) => {
      assert.equal(parseIp(formatIp(ip)), ip);
      assert.equal(ipFromBytes(ipToBytes(ip)), ip);
    }),
  );
});

test("parseIp() accepts exactly what the C library's parser accepts", () => {
  const soup = fc.string({ unit: fc.constantFrom(..."0123456789abcf:.:/%"), maxLength: 24 });
  fc.assert(
    fc.property(fc.oneof(soup, fc.ipV4(), fc.ipV6()), (text) => {
      const ours = ((): number => {
        try {
          return typeof parseIp(text) === "number" ? 4 : 6;
        } catch (error) {
          assert.ok(error instanceof ParseError);
          return 0;
        }
      })();
      assert.equal(ours, text.includes("%") ? 0 : isIP(text));
    }),
    { numRuns: 2000 },
  );
});

test("formatIp() follows RFC 5952", () => {
  for (const [text, want] of [
    ["2001:DB8::0:1", "2001:db8::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
  ] as const) {
    assert.equal(formatIp(parseIp(text)), want);
  }
});

test("prefixes are interned, masked and ordered by containment", () => {
  const p = parsePrefix("10.1.0.0/16");
  assert.equal(prefixOf(parseIp("10.1.2.3"), 16), p);
  assert.equal(prefixOf(parseIp("255.255.255.255"), 1), parsePrefix("128.0.0.0/1"));
  assert.equal(containsIp(p, parseIp("10.1.255.255")), true);
  assert.equal(containsIp(p, parseIp("10.2.0.0")), false);
  assert.equal(containsIp(p, parseIp("::a01:0")), false);
  assert.equal(overlaps(p, parsePrefix("10.0.0.0/8")), true);
  assert.equal(formatIp(lastIp(parsePrefix("10.1.0.0/26"))), "10.1.0.63");
  assert.equal(formatIp(lastIp(parsePrefix("fd00::/64"))), "fd00::ffff:ffff:ffff:ffff");
  assert.equal(formatPrefix(subPrefix(p, 26, 3n)), "10.1.0.192/26");
  assert.equal(formatPrefix(subPrefix(parsePrefix("fd00::/48"), 64, 5n)), "fd00:0:0:5::/64");
  assert.throws(() => subPrefix(p, 26, 1024n), ParseError);
});

test("parsePrefix() names what is wrong", () => {
  for (const [text, why] of [
    ["10.0.0.0/33", /length 33, want 0 to 32/],
    ["10.0.0.1/24", /host bits are set, want 10\.0\.0\.0\/24/],
    ["10.0.0.0", /want address\/length/],
    ["10.0.0/24", /four decimal octets/],
    ["fd00::/129", /length 129, want 0 to 128/],
    ["10.0.0.0/08", /length "08"/],
  ] as const) {
    assert.throws(() => parsePrefix(text), why);
  }
  const { address, prefix } = parseInterfaceAddress("10.0.0.1/24");
  assert.deepEqual([formatIp(address), formatPrefix(prefix)], ["10.0.0.1", "10.0.0.0/24"]);
});

test("MAC, AS number, VNI, route distinguisher and route target keep their text", () => {
  const mac = parseMac("02:ff:00:00:00:0A");
  assert.equal(formatMac(mac), "02:ff:00:00:00:0a");
  assert.equal(macFromBytes(macToBytes(mac)), mac);
  assert.equal(parseAsn("1.1"), 65537);
  assert.throws(() => parseAsn("0"), /want 1 to 4294967295/);
  assert.throws(() => parseVni("16777216"), ParseError);
  for (const text of ["65201:10100", "10.255.0.1:10100", "4200000000:7"]) {
    assert.equal(formatRouteDistinguisher(parseRouteDistinguisher(text)), text);
    assert.equal(formatRouteTarget(parseRouteTarget(text)), text);
  }
  assert.equal(parseRouteTarget("65201:10100"), 0x0002_feb1_0000_2774n);
  assert.throws(() => parseRouteTarget("4200000000:65536"), /want at most 65535/);
  assert.equal(isLinkLocal6(parseIp("fe80::1")), true);
  assert.equal(isLinkLocal6(parseIp("fec0::1")), false);
});
