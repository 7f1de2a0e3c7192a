import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeyTable } from "./key-table.ts";
import { PayloadTable } from "./payload-table.ts";

const strings = fc.uint8Array({ maxLength: 80 });

test("KeyTable equals a map after any additions and removals", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), strings), { maxLength: 400 }), (ops) => {
      const table = new KeyTable(3);
      const model = new Map<string, number>();
      for (const [isAdd, bytes] of ops) {
        const text = bytes.join(" ");
        const known = model.get(text);
        if (isAdd) {
          const id = table.add(bytes, bytes.length);
          assert.equal(known ?? id, id);
          model.set(text, id);
        } else if (known !== undefined) {
          table.remove(known);
          model.delete(text);
        }
        assert.equal(table.find(bytes, bytes.length), model.get(text) ?? -1);
      }
      assert.equal(table.count, model.size);
      assert.equal(new Set(model.values()).size, model.size);
      for (const [text, id] of model) assert.equal(table.bytesOf(id).join(" "), text);
    }),
    { numRuns: 200 },
  );
});

test("KeyTable finds every key while its slots grow, and ids stay", () => {
  const table = new KeyTable(1);
  const keyOf = (i: number): Uint8Array => new Uint8Array(new Uint32Array([i, i * 7]).buffer);
  for (let i = 0; i < 20000; i += 1) {
    assert.equal(table.add(keyOf(i), 8), i);
    assert.equal(table.find(keyOf(i >> 1), 8), i >> 1);
    if (i % 3 === 0) {
      table.remove(i);
      assert.equal(table.find(keyOf(i), 8), -1);
      assert.equal(table.add(keyOf(i), 8), i);
    }
  }
  for (let i = 0; i < 20000; i += 1) assert.equal(table.find(keyOf(i), 8), i);
});

test("KeyTable gives back the memory of keys that are gone", () => {
  const table = new KeyTable(1);
  const key = new Uint8Array(64);
  const view = new DataView(key.buffer);
  for (let i = 0; i < 10000; i += 1) {
    view.setUint32(0, i);
    table.add(key, 64);
  }
  assert.ok(table.byteCount >= 640000, `${table.byteCount}`);
  for (let id = 0; id < 10000; id += 1) table.remove(id);
  assert.deepEqual([table.count, table.byteCount], [0, 65536]);
});

test("KeyTable holds strings up to the length of a page", () => {
  const table = new KeyTable(1);
  const long = new Uint8Array(70000).fill(5);
  assert.throws(() => table.add(long, long.length), /shorter than a page/);
  const longest = new Uint8Array(0xfffe).fill(5);
  const id = table.add(longest, longest.length);
  assert.deepEqual(table.bytesOf(id), longest);
});

test("PayloadTable forgets a payload with its last reference", () => {
  const table = new PayloadTable(1);
  const bytes = Uint8Array.of(1, 2, 3);
  const id = table.intern(bytes, 3);
  table.retain(id);
  assert.equal(table.intern(bytes, 3), id);
  table.retain(id);
  table.release(id);
  assert.deepEqual([table.count, table.bytesOf(id)], [1, bytes]);
  table.release(id);
  assert.equal(table.count, 0);
  table.freeIfUnused(table.intern(bytes, 2));
  assert.equal(table.count, 0);
});
