/**
 * bpf(2) and libbpf as functions over descriptors. Objects, maps with codecs, programs and links
 * with owners are in `@heddle/ebpf`, which is the only user; this file checks what memory safety
 * needs (lengths against the map's info) and turns -errno into errors.
 *
 * Keys and values are bytes in the map's own layout. Nothing here keeps a buffer after the call.
 */
import { assert } from "@heddle/std";
import { loadAddon, type Result } from "./binding.ts";
import { Fd } from "./fd.ts";
import { check, SystemError } from "./system-error.ts";

interface Failing {
  /** 0 or -errno. */
  readonly error: Result;
}

interface LoadResult extends Failing {
  readonly log: string;
  readonly programs?: Readonly<Record<string, Result>>;
  readonly maps?: Readonly<Record<string, Result>>;
}

interface TestRunResult extends Failing {
  readonly verdict: number;
  readonly length: number;
  readonly durationNs: number;
}

interface BpfBinding {
  bpfObjectLoad(
    bytes: Uint8Array,
    name: string,
    reuse: readonly (readonly [string, number])[],
  ): LoadResult;
  bpfMapInfo(fd: number): Failing & BpfMapInfo;
  bpfMapLookup(fd: number, key: Uint8Array, value: Uint8Array): Result;
  bpfMapUpdate(fd: number, key: Uint8Array, value: Uint8Array, flags: number): Result;
  bpfMapDelete(fd: number, key: Uint8Array): Result;
  bpfMapNextKey(fd: number, key: Uint8Array | undefined, next: Uint8Array): Result;
  bpfMapUpdateBatch(fd: number, keys: Uint8Array, values: Uint8Array, count: number): Result;
  bpfMapDeleteBatch(fd: number, keys: Uint8Array, count: number): Result;
  bpfMapLookupBatch(
    fd: number,
    token: Uint8Array | undefined,
    next: Uint8Array,
    keys: Uint8Array,
    values: Uint8Array,
    count: number,
  ): Failing & { readonly count: number };
  bpfProgramInfo(fd: number): Failing & BpfProgramInfo;
  bpfProgramTestRun(
    fd: number,
    data: Uint8Array,
    context: Uint8Array | undefined,
    output: Uint8Array,
    repeat: number,
  ): TestRunResult;
  bpfLinkCreate(program: number, ifindex: number, attachType: number): Result;
  bpfLinkUpdate(link: number, program: number): Result;
  bpfLinkDetach(link: number): Result;
  bpfLinkInfo(link: number): Failing & BpfLinkInfo;
  bpfPin(fd: number, path: string): Result;
  bpfGetPinned(path: string): Result;
  bpfBtfBytes(id: number): Uint8Array | Result;
  bpfFsType(path: string): Result;
  bpfFsMount(path: string): Result;
  bpfPossibleCpus(): Result;
}

const native = loadAddon<BpfBinding>();

/** enum bpf_map_type, the types in use. */
export const bpfMapType = {
  hash: 1,
  array: 2,
  percpuHash: 5,
  percpuArray: 6,
  lpmTrie: 11,
} as const;

/** enum bpf_attach_type, the types in use; TCX is of Linux 6.6. */
export const bpfAttachType = { tcxIngress: 46, tcxEgress: 47 } as const;

/** BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
export const bpfUpdateFlag = { any: 0, noExist: 1, exist: 2 } as const;

/** f_type of a bpf file system (BPF_FS_MAGIC). */
const bpfFsMagic = 0xcafe4a11;

export interface BpfMapInfo {
  readonly id: number;
  readonly type: number;
  readonly flags: number;
  readonly keySize: number;
  /** Bytes of one value; a per-CPU map exchanges one value, padded to 8 bytes, per possible CPU. */
  readonly valueSize: number;
  readonly entryCountMax: number;
  /** 0 when the map was made without BTF. */
  readonly btfId: number;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
  /** At most 15 bytes. */
  readonly name: string;
}

export interface BpfProgramInfo {
  readonly id: number;
  readonly type: number;
  /** At most 15 bytes. */
  readonly name: string;
  /** Eight bytes of SHA over the instructions. */
  readonly tag: Uint8Array;
}

export interface BpfLinkInfo {
  readonly id: number;
  readonly type: number;
  readonly programId: number;
  /** Of a TCX link; 0 when its interface is gone. */
  readonly ifindex: number;
  readonly attachType: number;
}

/** A loaded object: descriptors by name, owned by the receiver. */
export interface LoadedBpfObject {
  readonly programs: ReadonlyMap<string, Fd>;
  readonly maps: ReadonlyMap<string, Fd>;
}

/**
 * The kernel or libbpf refused an object. `log` ends with what the verifier said, at most 256 KiB
 * of it.
 */
export class BpfLoadError extends SystemError {
  readonly log: string;

  constructor(name: string, errno: number, log: string) {
    super(`load BPF object ${name}`, "bpf", errno);
    this.log = log;
  }
}

/**
 * Loads an ELF object; `reuse` names maps that take the place of the object's own and stay the
 * caller's.
 * @throws BpfLoadError
 */
export function loadBpfObject(
  bytes: Uint8Array,
  name: string,
  reuse: ReadonlyMap<string, Fd>,
): LoadedBpfObject {
  const pairs = [...reuse].map(([map, fd]): [string, number] => [map, fd.number]);
  const result = native.bpfObjectLoad(bytes, name, pairs);
  if (result.error < 0) throw new BpfLoadError(name, -result.error, result.log);
  assert(result.programs !== undefined && result.maps !== undefined, "a loaded object has parts");
  using owned = new DisposableStack();
  const own = (parts: Readonly<Record<string, Result>>): Map<string, Fd> => {
    const fds = new Map<string, Fd>();
    for (const [part, fd] of Object.entries(parts)) {
      if (fd < 0) continue;
      fds.set(part, owned.use(new Fd(fd)));
    }
    return fds;
  };
  const [programs, maps] = [own(result.programs), own(result.maps)];
  for (const part of [...Object.values(result.programs), ...Object.values(result.maps)]) {
    check(part, "fcntl", `duplicate a descriptor of BPF object ${name}`);
  }
  owned.move();
  return { programs, maps };
}

/** @throws SystemError */
export function bpfMapInfo(map: Fd): BpfMapInfo {
  const info = native.bpfMapInfo(map.number);
  check(info.error, "bpf", "read the info of a BPF map");
  return info;
}

/**
 * A map as raw bytes. Borrows its descriptor. Every method checks the length of its buffers,
 * because the kernel trusts them; a wrong length is a broken invariant.
 */
export class RawBpfMap {
  readonly info: BpfMapInfo;
  /** Bytes that one value takes in a call: all CPUs' values for a per-CPU map. */
  readonly transferSize: number;
  readonly #fd: Fd;

  /** @throws SystemError */
  constructor(fd: Fd) {
    this.#fd = fd;
    this.info = bpfMapInfo(fd);
    const perCpu = isPerCpu(this.info.type);
    this.transferSize = perCpu
      ? Math.ceil(this.info.valueSize / 8) * 8 * possibleCpuCount()
      : this.info.valueSize;
  }

  /** Fills `value`; false when there is no such key. @throws SystemError */
  lookup(key: Uint8Array, value: Uint8Array): boolean {
    this.#check(key, value, 1);
    return this.#found(native.bpfMapLookup(this.#fd.number, key, value), "look up");
  }

  /** @throws SystemError E2BIG when the map is full, EEXIST or ENOENT as `flags` say */
  update(key: Uint8Array, value: Uint8Array, flags: number = bpfUpdateFlag.any): void {
    this.#check(key, value, 1);
    this.#done(native.bpfMapUpdate(this.#fd.number, key, value, flags), "update");
  }

  /** False when there was no such key. @throws SystemError */
  delete(key: Uint8Array): boolean {
    this.#check(key, undefined, 1);
    return this.#found(native.bpfMapDelete(this.#fd.number, key), "delete from");
  }

  /**
   * Fills `next` with the key after `key`, or the first one; false at the end. @throws SystemError
   */
  nextKey(key: Uint8Array | undefined, next: Uint8Array): boolean {
    if (key !== undefined) this.#check(key, undefined, 1);
    this.#check(next, undefined, 1);
    return this.#found(native.bpfMapNextKey(this.#fd.number, key, next), "walk");
  }

  /** Writes `count` entries. @throws SystemError; some entries may have been written then */
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    this.#check(keys, values, count);
    const done = native.bpfMapUpdateBatch(this.#fd.number, keys, values, count);
    this.#done(done, "update a batch of");
    assert(done === count, "a batch without error is complete");
  }

  /** Deletes `count` keys. @throws SystemError ENOENT at the first missing key, ENOTSUP */
  deleteBatch(keys: Uint8Array, count: number): void {
    this.#check(keys, undefined, count);
    this.#done(native.bpfMapDeleteBatch(this.#fd.number, keys, count), "delete a batch from");
  }

  /**
   * Reads up to `countMax` entries. `token` is undefined at first, then what `next` received; both
   * have {@link tokenSize} bytes.
   * @throws SystemError ENOSPC when a bucket of a hash holds more than `countMax` entries, ENOTSUP
   */
  lookupBatch(
    token: Uint8Array | undefined,
    next: Uint8Array,
    keys: Uint8Array,
    values: Uint8Array,
    countMax: number,
  ): { readonly count: number; readonly isLast: boolean } {
    this.#check(keys, values, countMax);
    assert(next.length >= this.tokenSize, "the next token has room");
    assert(token === undefined || token.length >= this.tokenSize, "the token is whole");
    const fd = this.#fd.number;
    const { error, count } = native.bpfMapLookupBatch(fd, token, next, keys, values, countMax);
    const isLast = !this.#found(error, "read a batch of");
    assert(count <= countMax, "a batch is within its limit");
    return { count, isLast };
  }

  /** Hash maps use four bytes, the others a key. */
  get tokenSize(): number {
    return Math.max(4, this.info.keySize);
  }

  #check(keys: Uint8Array, values: Uint8Array | undefined, count: number): void {
    assert(Number.isInteger(count) && count > 0, "a batch has entries");
    assert(keys.length === this.info.keySize * count, "the keys have the map's size");
    const valuesOk = values === undefined || values.length === this.transferSize * count;
    assert(valuesOk, "the values have the map's size");
  }

  #done(result: Result, doing: string): void {
    check(result, "bpf", `${doing} BPF map ${this.info.name}`);
  }

  #found(result: Result, doing: string): boolean {
    if (result >= 0) return true;
    const error = new SystemError(`${doing} BPF map ${this.info.name}`, "bpf", -result);
    if (error.code !== "ENOENT") throw error;
    return false;
  }
}

/** BPF_MAP_TYPE_PERCPU_HASH, _PERCPU_ARRAY. */
function isPerCpu(type: number): boolean {
  return type === bpfMapType.percpuHash || type === bpfMapType.percpuArray;
}

/** How many values an element of a per-CPU map has. @throws SystemError */
export function possibleCpuCount(): number {
  return check(native.bpfPossibleCpus(), "open", "count the possible CPUs");
}

/** @throws SystemError */
export function bpfProgramInfo(program: Fd): BpfProgramInfo {
  const info = native.bpfProgramInfo(program.number);
  check(info.error, "bpf", "read the info of a BPF program");
  return info;
}

export interface BpfTestRun {
  /** What the program returned: for tc a TC_ACT_ value. */
  readonly verdict: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
  /** Mean of the repetitions. */
  readonly durationNs: number;
}

/**
 * Runs a program on a packet (BPF_PROG_TEST_RUN), in the network namespace of the thread. `context`
 * is a struct __sk_buff for tc programs and is written back.
 * @throws SystemError
 */
export function testRunBpfProgram(
  program: Fd,
  packet: Uint8Array,
  context: Uint8Array | undefined,
  repeatCount: number,
): BpfTestRun {
  // Programs may lengthen a packet, by less than this.
  const output = new Uint8Array(packet.length + 512);
  const fd = program.number;
  const run = native.bpfProgramTestRun(fd, packet, context, output, repeatCount);
  check(run.error, "bpf", "run a BPF program on a packet");
  assert(run.length <= output.length, "the packet fits its buffer");
  const { verdict, durationNs } = run;
  return { verdict, durationNs, data: output.slice(0, run.length) };
}

/**
 * Attaches; the caller owns the link, and the program stays attached while a descriptor or pin of
 * it exists. @throws SystemError
 */
export function createBpfLink(program: Fd, ifindex: number, attachType: number): Fd {
  const doing = `attach a BPF program to interface ${ifindex}`;
  return new Fd(check(native.bpfLinkCreate(program.number, ifindex, attachType), "bpf", doing));
}

/** Replaces the program of a link; no packet sees neither of the two. @throws SystemError */
export function updateBpfLink(link: Fd, program: Fd): void {
  check(native.bpfLinkUpdate(link.number, program.number), "bpf", "replace the program of a link");
}

/**
 * Takes the program off its interface; the link itself stays until it is closed and unpinned.
 * @throws SystemError
 */
export function detachBpfLink(link: Fd): void {
  check(native.bpfLinkDetach(link.number), "bpf", "detach a BPF link");
}

/** @throws SystemError */
export function bpfLinkInfo(link: Fd): BpfLinkInfo {
  const info = native.bpfLinkInfo(link.number);
  check(info.error, "bpf", "read the info of a BPF link");
  return info;
}

/** @throws SystemError EEXIST when the path is taken */
export function pinBpf(fd: Fd, path: string): void {
  check(native.bpfPin(fd.number, path), "bpf", `pin to ${path}`);
}

/**
 * The pinned object, owned by the caller; undefined when nothing is pinned there. @throws
 * SystemError
 */
export function getPinnedBpf(path: string): Fd | undefined {
  const result = native.bpfGetPinned(path);
  if (result >= 0) return new Fd(result);
  const error = new SystemError(`open pinned ${path}`, "bpf", -result);
  if (error.code === "ENOENT") return undefined;
  throw error;
}

/** The raw BTF that the kernel keeps for a loaded object. @throws SystemError */
export function bpfBtfBytes(btfId: number): Uint8Array {
  const result = native.bpfBtfBytes(btfId);
  if (typeof result !== "number") return result;
  throw new SystemError(`read BTF ${btfId}`, "bpf", -result);
}

/** True when `path` lies on a bpf file system. @throws SystemError ENOENT */
export function isBpfFs(path: string): boolean {
  return check(native.bpfFsType(path), "statfs", `inspect ${path}`) === bpfFsMagic;
}

/** Mounts a bpf file system at the directory `path`, for root only. @throws SystemError */
export function mountBpfFs(path: string): void {
  check(native.bpfFsMount(path), "mount", `mount a bpf file system at ${path}`);
}
