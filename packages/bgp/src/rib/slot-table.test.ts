import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { removedSlot, SlotTable } from "./slot-table.ts";

/** Ids of which the hash is given; few distinct hashes make long runs of slots. */
class Owner {
  readonly hashes: Map<number, number> = new Map();
  readonly table: SlotTable = new SlotTable(16, {
    hashOf: (id) => this.hashes.get(id)!,
    insertRange: (start, end) => {
      for (let id = start; id < end; id += 1) {
        const hash = this.hashes.get(id);
        if (hash !== undefined) this.table.insert(id, hash);
      }
    },
  });

  add(id: number, hash: number): void {
    if (this.table.crowded)
      this.table.grow(this.hashes.size, Math.max(0, ...this.hashes.keys()) + 1);
    this.hashes.set(id, hash);
    this.table.insert(id, hash);
    if (this.table.former !== undefined) this.table.move();
  }

  remove(id: number): void {
    this.table.remove(id);
    this.hashes.delete(id);
  }

  has(id: number, hash: number): boolean {
    const { slots, mask, former, formerMask } = this.table;
    return (
      found(slots, mask, id, hash) || (former !== undefined && found(former, formerMask, id, hash))
    );
  }
}

function found(slots: Int32Array, mask: number, id: number, hash: number): boolean {
  for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
    if (slots[slot] === id + 1) return true;
  }
  return false;
}

test("SlotTable finds every id after any additions and removals", () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(60), fc.nat(12)), { maxLength: 300 });
  fc.assert(
    fc.property(steps, (list) => {
      const owner = new Owner();
      for (const [isAdd, id, hash] of list) {
        if (owner.hashes.has(id)) {
          if (!isAdd) owner.remove(id);
        } else if (isAdd) owner.add(id, hash);
        for (const [known, at] of owner.hashes) assert.ok(owner.has(known, at), `id ${known}`);
      }
      for (const id of [...owner.hashes.keys()]) owner.remove(id);
      if (owner.table.former === undefined) assert.ok(owner.table.slots.every((s) => s === 0));
    }),
    { numRuns: 200 },
  );
});

test("SlotTable does not grow by churn, and removed slots do not pile up", () => {
  const owner = new Owner();
  const hashOf = (id: number): number => Math.imul(id, 0x9e3779b1) >>> 8;
  for (let id = 0; id < 20_000; id += 1) {
    owner.add(id % 101, hashOf(id));
    owner.remove((id * 37) % 101);
    if (owner.hashes.has((id + 1) % 101)) owner.remove((id + 1) % 101);
    assert.ok(owner.table.slots.length <= 512, `${owner.table.slots.length} slots`);
  }
  const removed = owner.table.slots.filter((slot) => slot === removedSlot).length;
  assert.ok(removed * 2 <= owner.table.slots.length, `${removed} removed slots`);
});
