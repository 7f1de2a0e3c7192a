import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@heddle/codec";
import { parseIp } from "@heddle/inet";
import { CaptureStream, encodeCaptureHead } from "./pcapng.ts";

/** Of 16-bit words, folded; a packet with a good checksum has 0xffff. */
function folded(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

test("encodeCaptureHead() is a section and an interface of raw IP", () => {
  assert.equal(
    toHex(encodeCaptureHead()),
    "0a0d0d0a0000001c1a2b3c4d00010000ffffffffffffffff0000001c" +
      "0000000100000014006500000000000000000014",
  );
});

for (const [from, to, headerLength] of [
  ["192.0.2.1", "192.0.2.2", 20],
  ["2001:db8::1", "2001:db8::2", 40],
] as const) {
  test(`a packet from ${from} has good headers, and the next one follows it`, () => {
    const local = { address: parseIp(from), port: 179 };
    const stream = new CaptureStream(local, { address: parseIp(to), port: 40_000 });
    const payload = Uint8Array.of(1, 2, 3, 4, 5);
    const [block] = stream.encode(payload, 1_700_000_000_000.5, 77);
    assert.ok(block !== undefined);
    const view = new DataView(block.buffer, block.byteOffset, block.length);
    const packetLength = headerLength + 20 + payload.length;
    assert.deepEqual(
      [view.getUint32(0), view.getUint32(4), view.getBigUint64(12), view.getUint32(20)],
      [6, block.length, 1_700_000_000_000_500n, packetLength],
    );
    assert.equal(view.getUint32(block.length - 4), block.length);
    const packet = block.subarray(28, 28 + packetLength);
    const addresses = packet.subarray(headerLength === 20 ? 12 : 8, headerLength);
    if (headerLength === 20) assert.equal(folded(packet.subarray(0, 20)), 0xffff);
    const tcp = packet.subarray(headerLength);
    assert.equal(folded(tcp, folded(addresses) + 6 + tcp.length), 0xffff);
    const ports = new DataView(tcp.buffer, tcp.byteOffset);
    assert.deepEqual(
      [ports.getUint16(0), ports.getUint16(2), ports.getUint32(4), ports.getUint32(8)],
      [179, 40_000, 1, 77],
    );
    assert.equal(stream.sequence, 1 + payload.length);
  });
}

test("a connection without port 179 shows its listener there", () => {
  const portsOf = (from: number, to: number): number[] => {
    const [source, target] = [from, to].map((port) => ({ address: parseIp("192.0.2.1"), port }));
    assert.ok(source !== undefined && target !== undefined);
    const [block] = new CaptureStream(source, target).encode(Uint8Array.of(1), 0, 1);
    assert.ok(block !== undefined);
    const view = new DataView(block.buffer, block.byteOffset + 28 + 20);
    return [view.getUint16(0), view.getUint16(2)];
  };
  assert.deepEqual(portsOf(1790, 40_000), [179, 40_000]);
  assert.deepEqual(portsOf(40_000, 1790), [40_000, 179]);
  assert.deepEqual(portsOf(100, 179), [100, 179]);
});

test("what is longer than a packet becomes several", () => {
  const at = { address: parseIp("192.0.2.1"), port: 179 };
  const stream = new CaptureStream(at, at);
  const blocks = stream.encode(new Uint8Array(150_000), 0, 1);
  assert.deepEqual([blocks.length, stream.sequence], [3, 150_001]);
});
