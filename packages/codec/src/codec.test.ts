import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundsError, fromHex, Reader, toHex, Writer } from "./mod.ts";

test("Writer and Reader agree on every width and both byte orders", () => {
  const w = new Writer(64, 1);
  w.u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0fn);
  w.u16Le(0x0203).u32Le(0x04050607).u64Le(0x08090a0b0c0d0e0fn).bytes(Uint8Array.of(9, 9)).zeros(1);
  assert.equal(toHex(w.view()), "0102030405060708090a0b0c0d0e0f0302070605040f0e0d0c0b0a0908090900");
  const r = new Reader(w.copy());
  assert.deepEqual(
    [r.u8(), r.u16(), r.u32(), r.u64()],
    [1, 0x0203, 0x04050607, 0x08090a0b0c0d0e0fn],
  );
  assert.deepEqual([r.u16Le(), r.u32Le(), r.u64Le()], [0x0203, 0x04050607, 0x08090a0b0c0d0e0fn]);
  assert.equal(toHex(r.rest()), "090900");
  assert.equal(r.left, 0);
});

test("Writer grows under every kind of write", () => {
  const w = new Writer(1000, 1);
  for (let i = 0; i < 100; i += 1) w.u8(i);
  assert.deepEqual([...w.view()], [...Array(100).keys()]);
});

test("Reader refuses to leave its bytes and says where", () => {
  const r = new Reader(fromHex("00 01 02 03"));
  r.skip(1);
  const sub = r.sub(2);
  sub.u8();
  assert.throws(
    () => sub.u16(),
    (error: unknown) =>
      error instanceof BoundsError && error.offset === 2 && /1 left/.test(error.message),
  );
  assert.equal(r.u8(), 3);
  assert.throws(() => r.bytes(-1), BoundsError);
});

test("Writer keeps its limit, patches and truncates only what was written", () => {
  const w = new Writer(6, 2);
  w.u16(0).u16(7);
  w.patchU16(0, 0xabcd);
  assert.throws(() => w.u32(1), BoundsError);
  assert.throws(() => w.patchU16(3, 1), BoundsError);
  w.truncate(3);
  assert.equal(toHex(w.view()), "abcd00");
});
