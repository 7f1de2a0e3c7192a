/** A bounded part of `tools/fuzz-bgp.ts`, and every failure that it ever found. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { liveMemory } from "../../src/rib/testing/live-memory.ts";
import { generateCase, newCounts, runCase } from "./fuzz-case.ts";
import { judgeUpdate } from "./oracle.ts";
import { oracleSessionOf, senders } from "./peers.ts";
import { toHex, updateBody } from "./wire.ts";

const stepsPerCase = 240;
const messageCount = 8_000;
const firstSeed = 1_000_000;

test("8 000 messages of mutated sessions do what RFC 7606 asks for, and leave nothing behind", () => {
  const counts = newCounts();
  let memoryFirst: number | undefined;
  for (let seed = firstSeed; counts.messages < messageCount; seed += 1) {
    runCase(generateCase(seed, stepsPerCase), counts);
    if (counts.messages > messageCount / 4) memoryFirst ??= liveMemory();
  }
  assert.ok(counts.resets > 200 && counts.withdrawals > 10_000, JSON.stringify(counts));
  assert.ok(counts.linesMax > 100, JSON.stringify(counts));
  const growth = liveMemory() - (memoryFirst ?? 0);
  assert.ok(growth < 16 << 20, `memory grew by ${growth} octets`);
});

test("what fuzzing found stays fixed", () => {
  const folder = new URL("./found/", import.meta.url);
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const { why, seed, steps } = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
    assert.doesNotThrow(() => runCase({ seed, steps }), `${file}: ${why}`);
  }
});

test("a case is its seed", () => {
  assert.deepEqual(generateCase(7, 20), generateCase(7, 20));
  assert.notDeepEqual(generateCase(7, 20), generateCase(8, 20));
});

test("the oracle itself: actions of RFC 7606 for single flaws of one message", () => {
  const session = oracleSessionOf(senders[0]!);
  const attribute = (flags: number, type: number, ...value: number[]) => ({
    flags,
    type,
    value: Uint8Array.from(value),
  });
  const origin = attribute(0x40, 1, 0);
  const path = attribute(0x40, 2, 2, 1, 0, 0, 0xfd, 0xe9);
  const hop = attribute(0x40, 3, 192, 0, 2, 1);
  const outcomeOf = (...attributes: ReturnType<typeof attribute>[]): string => {
    const nlri = Uint8Array.of(8, 10);
    const body = updateBody({ withdrawn: new Uint8Array(0), attributes, nlri });
    const { reset, changes } = judgeUpdate(body, session);
    const outcome = changes[0]?.outcome;
    if (reset === "must") return reset;
    return typeof outcome === "function" ? toHex(outcome()) : `${outcome}`;
  };
  const clean = outcomeOf(origin, path, hop);
  assert.equal(clean, "00000014400101004002060201" + "0000fde9400304c000020108" + "0a");
  assert.equal(outcomeOf(origin, path), "withdrawn");
  assert.equal(outcomeOf(attribute(0xc0, 1, 0), path, hop), "withdrawn");
  assert.equal(outcomeOf(attribute(0x40, 1, 3), path, hop), "withdrawn");
  assert.equal(outcomeOf(origin, path, hop, attribute(0x80, 4, 1)), "withdrawn");
  assert.equal(outcomeOf(origin, path, hop, attribute(0x40, 6, 1)), clean);
  assert.equal(outcomeOf(origin, path, hop, attribute(0x40, 5, 1)), clean);
  assert.equal(outcomeOf(origin, path, hop, attribute(0x40, 1, 2)), clean);
  assert.equal(outcomeOf(origin, path, hop, attribute(0x80, 99, 2)), clean);
  assert.equal(outcomeOf(origin, path, hop, attribute(0x40, 99, 2)), "must");
  assert.equal(outcomeOf(origin, path, hop, attribute(0x80, 14, 0, 1, 1, 9)), "must");
});
