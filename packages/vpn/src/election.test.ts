import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { esiToBytes, formatIp, type Ip4, parseEsi, parseIp, parseIp4 } from "@heddle/inet";
import { electForwarder, type SegmentMember } from "./election.ts";
import { type AttachedSegment, floodedSegments } from "./split-horizon.ts";
import type { ElectionAlgorithm } from "./vrf.ts";

const esi = parseEsi("00:01:02:03:04:05:06:07:08:09");

function members(algorithm: ElectionAlgorithm, ...hosts: number[]): SegmentMember[] {
  return hosts.map((host) => ({ address: parseIp(`10.0.0.${host}`), algorithm }));
}

function elected(list: readonly SegmentMember[], ethernetTag: number): string {
  const election = electForwarder(list, esi, ethernetTag);
  if (election === undefined) return "nobody";
  const { backup, forwarder } = election;
  return `${formatIp(forwarder)} ${backup === undefined ? "-" : formatIp(backup)}`;
}

test("RFC 7432 8.5: the forwarder is the Ethernet tag modulo the number of nodes", () => {
  const three = members("modulo", 30, 9, 100);
  assert.deepEqual(
    [0, 1, 2, 3, 20010].map((tag) => elected(three, tag)),
    [
      "10.0.0.9 10.0.0.30",
      "10.0.0.30 10.0.0.100",
      "10.0.0.100 10.0.0.9",
      "10.0.0.9 10.0.0.100",
      "10.0.0.9 10.0.0.30",
    ],
  );
  assert.equal(elected(members("modulo", 7), 5), "10.0.0.7 -");
  assert.equal(elected([], 5), "nobody");
});

test("RFC 8584 3.2: the highest random weight, by the formula of the RFC", () => {
  const hosts = [1, 2, 3, 4, 5];
  const list = members("highest-random-weight", ...hosts);
  for (let tag = 1; tag < 200; tag += 1) {
    const stream = new Uint8Array(14);
    new DataView(stream.buffer).setUint32(0, tag);
    stream.set(esiToBytes(esi), 4);
    // "Discarding the most significant bit".
    const digest = BigInt(crc32(stream) & 0x7fffffff);
    const weight = (address: Ip4): bigint =>
      (1103515245n * ((1103515245n * BigInt(address) + 12345n) ^ digest) + 12345n) % 2n ** 31n;
    const ranked = hosts.map((host) => parseIp4(`10.0.0.${host}`));
    ranked.sort((a, b) => Number(weight(b) - weight(a)));
    const want = `${formatIp(ranked[0]!)} ${formatIp(ranked[1]!)}`;
    assert.equal(elected(list, tag), want);
    // Without the winner its backup takes over, and nothing else changes.
    const left = list.filter(({ address }) => address !== ranked[0]);
    assert.equal(elected(left, tag).split(" ")[0], formatIp(ranked[1]!));
  }
});

test("nodes that do not agree on the algorithm use the modulo", () => {
  const mixed = [...members("highest-random-weight", 1, 2), ...members("modulo", 3)];
  const unknown = mixed.map(({ address }) => ({ address, algorithm: undefined }));
  for (let tag = 0; tag < 9; tag += 1) {
    const want = elected(members("modulo", 1, 2, 3), tag);
    assert.equal(elected(mixed, tag), want);
    assert.equal(elected(unknown, tag), want);
  }
});

test("RFC 8365 8.3.1: local bias brings a frame to each segment once", () => {
  const other = parseIp("10.0.0.2");
  const shared: AttachedSegment = {
    esi,
    isForwarder: true,
    singleActive: false,
    others: new Set([other]),
  };
  const idle = { ...shared, esi: parseEsi("00:0a:02:03:04:05:06:07:08:09"), isForwarder: false };
  const spare = { ...idle, esi: parseEsi("00:0b:02:03:04:05:06:07:08:09"), singleActive: true };
  const only = { ...shared, esi: parseEsi("00:0c:02:03:04:05:06:07:08:09"), singleActive: true };
  const all = [shared, idle, spare, only];
  assert.deepEqual(floodedSegments({ kind: "local" }, all), [shared, idle, only]);
  assert.deepEqual(floodedSegments({ kind: "local", esi }, all), [idle, only]);
  // The other node has served the all-active ones; of single-active ones it leaves ours to us.
  assert.deepEqual(floodedSegments({ kind: "remote", node: other }, all), [only]);
  const stranger = { kind: "remote", node: parseIp("10.0.0.3") } as const;
  assert.deepEqual(floodedSegments(stranger, all), [shared, only]);
});
