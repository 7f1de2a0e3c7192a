/**
 * Typed maps over descriptors: keys and values go through the codecs of a generated {@link
 * MapSpec}.
 */

import { bpfUpdateFlag, type Fd, RawBpfMap, SystemError } from "@heddle/native";
import { assert } from "@heddle/std";
import type { ValueCodec } from "./codec.ts";

/** What is known of a map at build time; generated from the object's BTF. */
export interface MapSpec<K, V> {
  readonly name: string;
  readonly mapType: number;
  readonly flags: number;
  readonly entryCountMax: number;
  /** The layout as text: equal for equal layouts. */
  readonly layout: string;
  readonly key: ValueCodec<K>;
  readonly value: ValueCodec<V>;
}

/** Entries per system call. */
const batchCount = 256;
/** A bucket of a hash larger than this would be an attack on the hash, not a batch. */
const batchCountMax = 65536;
/**
 * What kernels answer for a map type without batch operations: ENOTSUPP (no name in the C library)
 * and EOPNOTSUPP.
 */
const noBatch: ReadonlySet<string> = new Set(["E524", "EOPNOTSUPP", "ENOTSUP"]);

/**
 * One map with one value per key. Owns its descriptor. Writers of one map run in one thread; the
 * programs only read what is written here.
 */
export class BpfMap<K, V> implements Disposable {
  readonly spec: MapSpec<K, V>;
  readonly #fd: Fd;
  readonly #raw: RawBpfMap;

  /** Takes ownership of `fd`, whose map has the layout of `spec`. @throws SystemError */
  constructor(spec: MapSpec<K, V>, fd: Fd) {
    this.spec = spec;
    this.#fd = fd;
    this.#raw = new RawBpfMap(fd);
    assert(this.#raw.info.keySize === spec.key.size, `keys of ${spec.name} have their size`);
    assert(this.#raw.transferSize === spec.value.size, `values of ${spec.name} have their size`);
  }

  /** @throws SystemError */
  get(key: K): V | undefined {
    const value = new Uint8Array(this.spec.value.size);
    if (!this.#raw.lookup(this.#encodeKey(key), value)) return undefined;
    return this.spec.value.decode(viewOf(value), 0);
  }

  /** Adds or replaces. @throws SystemError E2BIG when the map is full */
  set(key: K, value: V): void {
    const bytes = new Uint8Array(this.spec.value.size);
    this.spec.value.encode(value, viewOf(bytes), 0);
    this.#raw.update(this.#encodeKey(key), bytes, bpfUpdateFlag.any);
  }

  /** False when there was no such key. @throws SystemError */
  delete(key: K): boolean {
    return this.#raw.delete(this.#encodeKey(key));
  }

  /** Adds or replaces all; on an error some may have been written. @throws SystemError */
  setAll(entries: readonly (readonly [K, V])[]): void {
    const { key, value } = this.spec;
    for (let start = 0; start < entries.length; start += batchCount) {
      const part = entries.slice(start, start + batchCount);
      const keys = new Uint8Array(part.length * key.size);
      const values = new Uint8Array(part.length * value.size);
      for (const [i, entry] of part.entries()) {
        key.encode(entry[0], viewOf(keys), i * key.size);
        value.encode(entry[1], viewOf(values), i * value.size);
      }
      const batched = supportsBatch(() => this.#raw.updateBatch(keys, values, part.length));
      if (!batched) for (const [k, v] of part) this.set(k, v);
    }
  }

  /** A missing key is no error. @throws SystemError */
  deleteAll(keys: readonly K[]): void {
    // A batch stops at the first missing key, so that single calls are as good where keys may be
    // missing.
    for (const key of keys) this.delete(key);
  }

  /** Everything in the map, in no order. @throws SystemError */
  entries(): [K, V][] {
    return readEntries(this.#raw, (keys, keyAt, values, valueAt): [K, V] => [
      this.spec.key.decode(keys, keyAt),
      this.spec.value.decode(values, valueAt),
    ]);
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }

  #encodeKey(key: K): Uint8Array {
    const bytes = new Uint8Array(this.spec.key.size);
    this.spec.key.encode(key, viewOf(bytes), 0);
    return bytes;
  }
}

/**
 * A per-CPU array: every CPU's value of an index. Read only; the programs write it. Owns its
 * descriptor.
 */
export class BpfPerCpuArray<V> implements Disposable {
  readonly spec: MapSpec<number, V>;
  readonly #fd: Fd;
  readonly #raw: RawBpfMap;

  /** Takes ownership of `fd`. @throws SystemError */
  constructor(spec: MapSpec<number, V>, fd: Fd) {
    this.spec = spec;
    this.#fd = fd;
    this.#raw = new RawBpfMap(fd);
    assert(this.#raw.info.valueSize === spec.value.size, `values of ${spec.name} have their size`);
  }

  /** The values of all possible CPUs. @throws SystemError */
  get(index: number): V[] {
    const key = new Uint8Array(this.spec.key.size);
    this.spec.key.encode(index, viewOf(key), 0);
    const bytes = new Uint8Array(this.#raw.transferSize);
    assert(this.#raw.lookup(key, bytes), `index ${index} is within ${this.spec.name}`);
    const values: V[] = [];
    const stride = Math.ceil(this.spec.value.size / 8) * 8;
    for (let at = 0; at < bytes.length; at += stride) {
      values.push(this.spec.value.decode(viewOf(bytes), at));
    }
    return values;
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** False when the kernel has no batch operations for this type of map. */
function supportsBatch(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof SystemError && noBatch.has(error.code)) return false;
    throw error;
  }
}

type DecodeEntry<T> = (keys: DataView, keyAt: number, values: DataView, valueAt: number) => T;

/** Walks a map in batches, or key by key where its type has no batches. @throws SystemError */
export function readEntries<T>(map: RawBpfMap, decode: DecodeEntry<T>): T[] {
  const batched: T[] = [];
  if (supportsBatch(() => readBatches(map, decode, batched))) return batched;
  return readOneByOne(map, decode);
}

function readBatches<T>(map: RawBpfMap, decode: DecodeEntry<T>, out: T[]): void {
  let countMax = batchCount;
  let token: Uint8Array | undefined;
  for (let isLast = false; !isLast; ) {
    const next = new Uint8Array(map.tokenSize);
    const keys = new Uint8Array(countMax * map.info.keySize);
    const values = new Uint8Array(countMax * map.transferSize);
    try {
      const batch = map.lookupBatch(token, next, keys, values, countMax);
      for (let i = 0; i < batch.count; i += 1) {
        const valueAt = i * map.transferSize;
        out.push(decode(viewOf(keys), i * map.info.keySize, viewOf(values), valueAt));
      }
      isLast = batch.isLast;
      token = next;
    } catch (error) {
      const bucketTooLarge = error instanceof SystemError && error.code === "ENOSPC";
      if (!bucketTooLarge || countMax >= batchCountMax) throw error;
      countMax *= 2;
    }
  }
}

/** A key that vanishes during the walk makes the kernel start again; the bound ends such a walk. */
function readOneByOne<T>(map: RawBpfMap, decode: DecodeEntry<T>): T[] {
  const out: T[] = [];
  let key: Uint8Array | undefined;
  for (let left = map.info.entryCountMax; left > 0; left -= 1) {
    const next = new Uint8Array(map.info.keySize);
    if (!map.nextKey(key, next)) return out;
    const value = new Uint8Array(map.transferSize);
    if (map.lookup(next, value)) out.push(decode(viewOf(next), 0, viewOf(value), 0));
    key = next;
  }
  return out;
}
