import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fetchCountMax, PrefixTable } from "./prefix-table.ts";

type Key = readonly [number, number, number, number, number];

/** Few distinct values, so that the same prefixes come again and probes run into each other. */
function keys(wordCount: 1 | 4): fc.Arbitrary<Key> {
  const word = fc.integer({ min: -3, max: 60 });
  const low = wordCount === 1 ? fc.constant(0) : fc.constantFrom(0, 1, -1);
  return fc.tuple(word, low, low, low, fc.constantFrom(0, 24, 32));
}

for (const wordCount of [1, 4] as const) {
  test(`PrefixTable of ${wordCount} words equals a map after any additions and removals`, () => {
    const step = fc.tuple(fc.boolean(), keys(wordCount));
    const steps = fc.array(step, { maxLength: 1500, size: "max" });
    fc.assert(
      fc.property(steps, fc.integer(), (all, seed) => {
        const table = new PrefixTable(wordCount, seed);
        const model = new Map<string, { id: number; key: Key }>();
        for (const [add, key] of all) {
          const known = model.get(key.join());
          assert.equal(table.find(...key), known === undefined ? -1 : known.id);
          if (add) {
            const id = table.add(...key);
            assert.ok(known === undefined ? true : known.id === id);
            model.set(key.join(), { id, key });
          } else if (known !== undefined) {
            table.remove(known.id);
            model.delete(key.join());
          }
        }
        assert.equal(table.count, model.size);
        assert.equal(new Set([...model.values()].map((m) => m.id)).size, model.size);
        for (const { id, key } of model.values()) {
          assert.ok(table.has(id));
          const words = [0, 1, 2, 3].map((i) => table.wordOf(id, i));
          assert.deepEqual([...words, table.lengthOf(id)], [...key]);
        }
      }),
      { numRuns: 50 },
    );
  });
}

test("PrefixTable reuses the ids of removed prefixes", () => {
  const table = new PrefixTable(1, 0);
  for (let i = 0; i < 100000; i += 1) table.remove(table.add(i, 0, 0, 0, 32));
  assert.deepEqual([table.count, table.top], [0, 1]);
});

test("PrefixTable finds the same whether or not slots were fetched before", () => {
  for (const wordCount of [1, 4] as const) {
    const table = new PrefixTable(wordCount, 3);
    const lowOf = (i: number): number => (wordCount === 1 ? 0 : i * 3);
    const ids = Int32Array.from({ length: 10_000 }, (_, i) => {
      table.expect(i, lowOf(i), 0, 0, 32);
      return table.add(i, lowOf(i), 0, 0, 32);
    });
    table.fetch();
    assert.ok(table.isLarge);
    const rows = Int32Array.from(ids, (_, i) => (i % 2 === 0 ? -1 : i));
    for (let at = 0; at < ids.length; at += fetchCountMax) {
      const some = ids.subarray(at, at + fetchCountMax);
      table.fetchUnused(some, rows);
      for (const id of some) if (rows[id]! < 0) table.remove(id);
    }
    const found = ids.map((_, i) => table.find(i, lowOf(i), 0, 0, 32));
    assert.deepEqual(
      found,
      ids.map((id, i) => (i % 2 === 0 ? -1 : id)),
    );
  }
});
