import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "@heddle/codec";
import fc from "fast-check";
import { decodeBtf } from "./btf.ts";
import { elfSection } from "./elf.ts";
import { EbpfError } from "./errors.ts";
import { formatMapLayout, layoutOf, mapLayouts, programNames } from "./layout.ts";

/** Assembles BTF by hand: the texts by name, the types as words. */
class BtfBuilder {
  readonly #types = new Writer(65536);
  readonly #texts = new Writer(65536);
  #count = 0;

  constructor() {
    this.#texts.u8(0);
  }

  text(text: string): number {
    const at = this.#texts.length;
    for (const byte of new TextEncoder().encode(text)) this.#texts.u8(byte);
    this.#texts.u8(0);
    return at;
  }

  /** Adds a type; `words` follow the three common ones. Returns its id. */
  type(kind: number, name: string, sizeOrType: number, count: number, words: number[]): number {
    this.#types.u32Le(name === "" ? 0 : this.text(name));
    this.#types.u32Le(((kind << 24) | count) >>> 0).u32Le(sizeOrType);
    for (const word of words) this.#types.u32Le(word >>> 0);
    this.#count += 1;
    return this.#count;
  }

  bytes(): Uint8Array {
    const [types, texts] = [this.#types.copy(), this.#texts.copy()];
    const w = new Writer(types.length + texts.length + 24);
    w.u16Le(0xeb9f).u8(1).u8(0).u32Le(24);
    w.u32Le(0).u32Le(types.length).u32Le(types.length).u32Le(texts.length);
    for (const byte of [...types, ...texts]) w.u8(byte);
    return w.copy();
  }
}

const kind = { int: 1, pointer: 2, array: 3, struct: 4, enum: 6, typedef: 8, func: 12 } as const;
const [variableKind, sectionKind] = [14, 15];

function addU32(builder: BtfBuilder): number {
  return builder.type(kind.int, "unsigned int", 4, 0, [32]);
}

test("decodeBtf() reads integers, typedefs, enums and functions", () => {
  const builder = new BtfBuilder();
  const u32 = addU32(builder);
  const be32 = builder.type(kind.typedef, "__be32", u32, 0, []);
  builder.type(kind.enum, "color", 4, 2, [builder.text("RED"), 1, builder.text("BLUE"), 7]);
  builder.type(kind.func, "run", 0, 1, []);
  builder.type(kind.func, "hidden", 0, 0, []);
  const btf = decodeBtf(builder.bytes());
  assert.deepEqual(layoutOf(btf, be32), {
    kind: "integer",
    size: 4,
    signed: false,
    bigEndian: true,
  });
  assert.deepEqual(btf[3], {
    kind: "enum",
    name: "color",
    size: 4,
    values: [
      { name: "RED", value: 1n },
      { name: "BLUE", value: 7n },
    ],
  });
  assert.deepEqual(programNames(btf), ["run"]);
});

test("mapLayouts() follows libbpf's convention for map definitions", () => {
  const builder = new BtfBuilder();
  const u32 = addU32(builder);
  const pointerTo = (type: number): number => builder.type(kind.pointer, "", type, 0, []);
  const number = (value: number): number =>
    pointerTo(builder.type(kind.array, "", 0, 0, [u32, u32, value]));
  const member = (name: string, type: number, at: number): number[] => [
    builder.text(name),
    type,
    at * 64,
  ];
  const value = builder.type(kind.struct, "pair", 8, 2, [
    ...[builder.text("a"), u32, 0],
    ...[builder.text("b"), u32, 32],
  ]);
  const fields = [
    ...member("type", number(1), 0),
    ...member("max_entries", number(16), 1),
    ...member("key", pointerTo(u32), 2),
    ...member("value", pointerTo(value), 3),
  ];
  const definition = builder.type(kind.struct, "", 32, 4, fields);
  const variable = builder.type(variableKind, "pairs", definition, 0, [1]);
  builder.type(sectionKind, ".maps", 32, 1, [variable, 0, 32]);
  const [map] = mapLayouts(decodeBtf(builder.bytes()));
  assert.ok(map !== undefined);
  const want = "type 1 flags 0 entries 16 key u32 value pair[8]{0:a u32, 4:b u32}";
  assert.equal(formatMapLayout(map), want);
});

test("layoutOf() refuses padding, which would hold what was on a stack", () => {
  const builder = new BtfBuilder();
  const u32 = addU32(builder);
  const u8 = builder.type(kind.int, "unsigned char", 1, 0, [8]);
  const gap = builder.type(kind.struct, "gap", 8, 2, [
    ...[builder.text("a"), u8, 0],
    ...[builder.text("b"), u32, 32],
  ]);
  const tail = builder.type(kind.struct, "tail", 8, 2, [
    ...[builder.text("a"), u32, 0],
    ...[builder.text("b"), u8, 32],
  ]);
  const btf = decodeBtf(builder.bytes());
  const message = /Cannot lay out (gap: padding before b|tail: padding at its end), want/;
  assert.throws(() => layoutOf(btf, gap), { code: "bad-btf", message });
  assert.throws(() => layoutOf(btf, tail), { code: "bad-btf", message });
});

test("layoutOf() refuses types that loop", () => {
  const builder = new BtfBuilder();
  const first = builder.type(kind.typedef, "a", 2, 0, []);
  builder.type(kind.typedef, "b", 1, 0, []);
  const nested = builder.type(kind.struct, "self", 8, 1, [builder.text("me"), 3, 0]);
  const btf = decodeBtf(builder.bytes());
  assert.throws(() => layoutOf(btf, first), { code: "bad-btf" });
  assert.throws(() => layoutOf(btf, nested), { code: "bad-btf" });
});

test("decodeBtf() refuses what is not BTF", () => {
  assert.throws(() => decodeBtf(new Uint8Array(24)), {
    message: "Cannot read BTF: magic 0x0 version 0, want 0xeb9f version 1",
  });
  assert.throws(() => decodeBtf(Uint8Array.of(0x9f, 0xeb, 1)), {
    message: "Cannot read BTF: cut off, want whole types",
  });
});

/** Every failure on foreign bytes is one of ours. */
function assertOnlyEbpfErrors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof EbpfError, String(error));
  }
}

test("decodeBtf(), mapLayouts() and elfSection() survive any bytes", () => {
  const builder = new BtfBuilder();
  addU32(builder);
  builder.type(kind.struct, "pair", 4, 1, [builder.text("a"), 1, 0]);
  const good = builder.bytes();
  const damaged = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 })
    .map((edits) => {
      const bytes = good.slice();
      for (const [at, value] of edits) bytes[at] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      assertOnlyEbpfErrors(() => {
        const btf = decodeBtf(bytes);
        mapLayouts(btf);
        for (const id of btf.keys()) assertOnlyEbpfErrors(() => layoutOf(btf, id));
      });
      assertOnlyEbpfErrors(() => elfSection(bytes, ".BTF"));
    }),
  );
});
