/** Objects, maps and pins against the kernel, with objects that are compiled here. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { getPinnedBpf, RawBpfMap } from "@heddle/native";
import { ensureBpfFs } from "./bpffs.ts";
import { btfOfObject } from "./btf.ts";
import { u32Codec, type ValueCodec } from "./codec.ts";
import { LayoutError, VerifierError } from "./errors.ts";
import { formatMapLayout, mapLayouts, programNames } from "./layout.ts";
import { migratePinnedMap } from "./loose-map.ts";
import type { MapSpec } from "./map.ts";
import { BpfObject, type ObjectSpec } from "./object.ts";

let directory: string;
let bpffs: string;

before(() => {
  directory = mkdtempSync(path.join(tmpdir(), "ht-"));
  bpffs = path.join(directory, "bpf");
  ensureBpfFs(bpffs);
  ensureBpfFs(bpffs);
});

after(() => {
  execFileSync("umount", [bpffs]);
  rmSync(directory, { recursive: true });
});

/** `definitions` are C at file level, `body` the statements of a tc program. */
function compile(name: string, definitions: string, body: string): Uint8Array {
  const source = path.join(directory, `${name}.c`);
  const output = path.join(directory, `${name}.o`);
  writeFileSync(
    source,
    `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
${definitions}
SEC("tc") int run(struct __sk_buff *skb) { ${body} }
`,
  );
  const machine = execFileSync("uname", ["-m"], { encoding: "utf8" }).trim();
  const flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", `-I/usr/include/${machine}-linux-gnu`];
  execFileSync("clang", [...flags, "-c", source, "-o", output]);
  return readFileSync(output);
}

function hash(name: string, value: string, entries = 1000): string {
  return `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, ${entries});
__type(key, __u32); __type(value, ${value}); } ${name} SEC(".maps");`;
}

function specOf<K, V>(
  bytes: Uint8Array,
  map: string,
  key: ValueCodec<K>,
  value: ValueCodec<V>,
): { object: ObjectSpec; map: MapSpec<K, V> } {
  const btf = btfOfObject(bytes);
  const layout = mapLayouts(btf).find(({ name }) => name === map);
  assert.ok(layout !== undefined);
  const spec = { ...layout, layout: formatMapLayout(layout), key, value };
  const object = { name: "test", layoutHash: "", maps: [spec], programs: programNames(btf) };
  return { object, map: spec };
}

test("BpfMap writes and reads in batches, on hash and LPM tries", () => {
  const lpm = `struct k { __u32 n; __u32 a; };
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(map_flags, BPF_F_NO_PREALLOC);
__uint(max_entries, 1000); __type(key, struct k); __type(value, __u32); } m SEC(".maps");`;
  const keyCodec: ValueCodec<number> = {
    size: 8,
    encode(value, view, at): void {
      view.setUint32(at, 32, true);
      view.setUint32(at + 4, value);
    },
    decode(view, at): number {
      return view.getUint32(at + 4);
    },
  };
  for (const [definition, codec] of [
    [hash("m", "__u32"), u32Codec],
    [lpm, keyCodec],
  ] as const) {
    const bytes = compile("batch", definition, "return 0;");
    const spec = specOf(bytes, "m", codec, u32Codec);
    using object = BpfObject.load({ bytes, spec: spec.object });
    using map = object.takeMap(spec.map);
    const entries = Array.from({ length: 700 }, (_, i): [number, number] => [i + 1, i * 3]);
    map.setAll(entries);
    assert.deepEqual(
      map.entries().sort(([a], [b]) => a - b),
      entries,
    );
    assert.equal(map.get(7), 18);
    assert.equal(map.get(5000), undefined);
    map.set(7, 1);
    assert.equal(map.get(7), 1);
    assert.equal(map.delete(7), true);
    assert.equal(map.delete(7), false);
    map.deleteAll([1, 2, 5000]);
    assert.equal(map.entries().length, 697);
  }
});

test("BpfMap.setAll() says when the map is full", () => {
  const bytes = compile("full", hash("m", "__u32", 4), "return 0;");
  const spec = specOf(bytes, "m", u32Codec, u32Codec);
  using object = BpfObject.load({ bytes, spec: spec.object });
  using map = object.takeMap(spec.map);
  const entries = Array.from({ length: 9 }, (_, i): [number, number] => [i, i]);
  assert.throws(() => map.setAll(entries), { code: "E2BIG" });
});

test("BpfPerCpuArray sums what the program counted", () => {
  const definition = `struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2);
__type(key, __u32); __type(value, __u32); } c SEC(".maps");`;
  const body = "__u32 k = 1, *v = bpf_map_lookup_elem(&c, &k); if (v) *v += 1; return 5;";
  const bytes = compile("percpu", definition, body);
  const spec = specOf(bytes, "c", u32Codec, u32Codec);
  using object = BpfObject.load({ bytes, spec: spec.object });
  using counters = object.takePerCpuArray(spec.map);
  using program = object.takeProgram("run");
  assert.equal(program.testRun(new Uint8Array(64), undefined, 3).verdict, 5);
  assert.equal(
    counters.get(1).reduce((a, b) => a + b),
    3,
  );
  assert.equal(
    counters.get(0).reduce((a, b) => a + b),
    0,
  );
  assert.equal(program.info().name, "run");
});

test("BpfObject.load() reuses pinned maps with their entries", () => {
  const bytes = compile("pinned", hash("m", "__u32"), "return 0;");
  const spec = specOf(bytes, "m", u32Codec, u32Codec);
  const pinFolder = path.join(bpffs, "reuse");
  const load = (): BpfObject => BpfObject.load({ bytes, spec: spec.object, pinFolder });
  {
    using object = load();
    using map = object.takeMap(spec.map);
    map.set(1, 42);
  }
  using again = load();
  using map = again.takeMap(spec.map);
  assert.equal(map.get(1), 42);
});

test("BpfObject.load() refuses an object or a pinned map of another layout", () => {
  const bytes = compile("layout", hash("m", "__u32"), "return 0;");
  const spec = specOf(bytes, "m", u32Codec, u32Codec);
  const other = compile("other", hash("m", "__u64"), "return 0;");
  assert.throws(
    () => BpfObject.load({ bytes: other, spec: spec.object }),
    (error) => {
      assert.ok(error instanceof LayoutError);
      assert.match(error.message, /map m of BPF object test: .* value u64, want .* value u32$/);
      return true;
    },
  );
  const extra = compile("extra", hash("m", "__u32") + hash("n", "__u32"), "return 0;");
  const load = (): BpfObject => BpfObject.load({ bytes: extra, spec: spec.object });
  assert.throws(load, { message: "Cannot use BPF object test: map n, want no other maps" });
  const pinFolder = path.join(bpffs, "smaller");
  const smaller = compile("smaller", hash("m", "__u32", 10), "return 0;");
  const smallerSpec = specOf(smaller, "m", u32Codec, u32Codec);
  BpfObject.load({ bytes: smaller, spec: smallerSpec.object, pinFolder })[Symbol.dispose]();
  assert.throws(() => BpfObject.load({ bytes, spec: spec.object, pinFolder }), LayoutError);
});

test("BpfObject.load() shows why the verifier refuses", () => {
  const body = "return *(char *)(long)skb->data;";
  const bytes = compile("refused", hash("m", "__u32"), body);
  const spec = specOf(bytes, "m", u32Codec, u32Codec);
  assert.throws(
    () => BpfObject.load({ bytes, spec: spec.object }),
    (error) => {
      assert.ok(error instanceof VerifierError);
      assert.match(error.message, /^Cannot load program run of test: .*(packet|mem)/);
      assert.match(error.log, /BEGIN PROG LOAD LOG/);
      return true;
    },
  );
});

test("BpfObject.load() of garbage is an error", () => {
  const spec: ObjectSpec = { name: "test", layoutHash: "", maps: [], programs: [] };
  assert.throws(() => BpfObject.load({ bytes: new Uint8Array(500), spec }), { code: "bad-elf" });
});

test("migratePinnedMap() carries fields by name into another layout", () => {
  const definition = (fields: string): string => `struct v { ${fields} }; ${hash("m", "struct v")}`;
  const old = compile(
    "old",
    definition("__u32 a; __u8 mac[6]; __u16 gone; char name[4];"),
    "return 0;",
  );
  const next = compile(
    "next",
    definition("__u32 fresh; char name[4]; __u8 mac[6]; __be16 a;"),
    "return 0;",
  );
  const raw = (size: number): ValueCodec<Uint8Array> => ({
    size,
    encode: (value, view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).set(value),
    decode: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).slice(),
  });
  const pins: string[] = [];
  for (const [name, bytes, size] of [
    ["old", old, 16],
    ["next", next, 16],
  ] as const) {
    const spec = specOf(bytes, "m", u32Codec, raw(size));
    const pinFolder = path.join(bpffs, name);
    mkdirSync(pinFolder);
    using object = BpfObject.load({ bytes, spec: spec.object, pinFolder });
    using map = object.takeMap(spec.map);
    if (name === "old") map.set(9, Uint8Array.fromHex("05000000010203040506ffff61620000"));
    pins.push(path.join(pinFolder, "m"));
  }
  assert.equal(migratePinnedMap(pins[0]!, pins[1]!), 1);
  using fd = getPinnedBpf(pins[1]!)!;
  const value = new Uint8Array(16);
  assert.equal(new RawBpfMap(fd).lookup(Uint8Array.of(9, 0, 0, 0), value), true);
  assert.equal(value.toHex(), "00000000" + "61620000" + "010203040506" + "0005");
});
