import assert from "node:assert/strict";
import { test } from "node:test";
import { esiFromBytes, esiToBytes, formatEsi, parseEsi } from "./esi.ts";
import {
  formatRouteDistinguisher,
  formatRouteTarget,
  parseRouteDistinguisher,
  parseRouteTarget,
  routeDistinguisherFromBigint,
  routeTargetFromBigint,
} from "./route-target.ts";

test("an ESI is ten octets as text, bytes and number", () => {
  const text = "01:aa:bb:cc:dd:ee:ff:00:64:00";
  const esi = parseEsi(text);
  assert.equal(esi, 0x01aabbccddeeff006400n);
  assert.equal(formatEsi(esi), text);
  assert.equal(esiToBytes(esi).toHex(), "01aabbccddeeff006400");
  assert.equal(esiFromBytes(esiToBytes(esi)), esi);
  assert.equal(
    formatEsi(parseEsi("00:00:00:00:00:00:00:00:00:00")),
    "00:00:00:00:00:00:00:00:00:00",
  );
  for (const bad of ["", "01:02", `${text}:00`, text.replace("aa", "zz")]) {
    assert.throws(() => parseEsi(bad), SyntaxError, bad);
  }
  assert.throws(() => esiFromBytes(new Uint8Array(9)), SyntaxError);
});

test("no two route distinguishers or route targets have one text", () => {
  const rds: readonly (readonly [bigint, string])[] = [
    [0x0000_fde8_0000_0001n, "65000:1"],
    [0x0001_0a00_0001_0007n, "10.0.0.1:7"],
    [0x0002_fa56_ea00_0001n, "4200000000:1"],
    [0x0002_0000_fde8_0001n, "65000L:1"],
    [0x0003_0000_fde8_0001n, "0x00030000fde80001"],
    [0xffff_ffff_ffff_ffffn, "0xffffffffffffffff"],
  ];
  for (const [value, text] of rds) {
    const rd = routeDistinguisherFromBigint(value);
    assert.equal(formatRouteDistinguisher(rd), text);
    assert.equal(parseRouteDistinguisher(text), rd);
  }
  const targets: readonly (readonly [bigint, string])[] = [
    [0x0002_fde8_0000_0001n, "65000:1"],
    [0x0202_0000_fde8_0001n, "65000L:1"],
    [0x4002_fde8_0000_0001n, "0x4002fde800000001"],
  ];
  for (const [value, text] of targets) {
    const routeTarget = routeTargetFromBigint(value);
    assert.equal(formatRouteTarget(routeTarget), text);
    assert.equal(parseRouteTarget(text), routeTarget);
  }
  for (const bad of ["65000l:1", "10.0.0.1L:1", "L:1", "70000:65536", "65000L:65536"]) {
    assert.throws(() => parseRouteTarget(bad), SyntaxError, bad);
  }
  assert.throws(() => parseRouteTarget("0x0003fde800000001"), SyntaxError);
  assert.throws(() => routeTargetFromBigint(0x0003_fde8_0000_0001n), SyntaxError);
  assert.throws(() => routeDistinguisherFromBigint(1n << 64n), SyntaxError);
});
