import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng } from "@heddle/std";
import { alignedMs } from "./session-timers.ts";

test("alignedMs() ends on the grid, at most 100 ms early and never late", () => {
  const rng = seededRng(3);
  for (let i = 0; i < 1000; i += 1) {
    const nowMs = rng.uint32() / 997;
    const delayMs = 1000 + (rng.uint32() % 60_000);
    const aligned = alignedMs(nowMs, delayMs);
    assert.ok(aligned <= delayMs && aligned > delayMs - 100.001, `${aligned} of ${delayMs}`);
    const offGridMs = Math.abs(((nowMs + aligned + 50) % 100) - 50);
    assert.ok(offGridMs < 0.001, `${nowMs} + ${aligned}`);
  }
});

test("alignedMs() leaves short delays as they are", () => {
  assert.equal(alignedMs(12_345.6, 999), 999);
  assert.equal(alignedMs(12_345.6, 33.3), 33.3);
});
