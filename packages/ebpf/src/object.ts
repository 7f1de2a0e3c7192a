/**
 * A loaded object: programs, and maps that are pinned so that they outlive the process. Loading
 * with the same pin folder reuses what is pinned there, so a restarted process finds its maps with
 * all entries.
 *
 * Invariant: the generated specs, the object's BTF and every reused map agree on each layout, or
 * loading fails and changes nothing that forwards.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import {
  BpfLoadError,
  bpfMapInfo,
  Fd,
  getPinnedBpf,
  type LoadedBpfObject,
  loadBpfObject,
  pinBpf,
} from "@heddle/native";
import { must } from "@heddle/std";
import { btfOfObject } from "./btf.ts";
import { EbpfError, LayoutError, VerifierError } from "./errors.ts";
import { formatMapLayout, mapLayouts } from "./layout.ts";
import { BpfMap, BpfPerCpuArray, type MapSpec } from "./map.ts";
import { BpfProgram } from "./program.ts";

/** The part of a {@link MapSpec} that does not depend on its types. */
export type AnyMapSpec = Pick<
  MapSpec<never, never>,
  "name" | "mapType" | "flags" | "entryCountMax" | "layout"
> & { readonly key: { readonly size: number }; readonly value: { readonly size: number } };

/** What is known of an object at build time; generated. */
export interface ObjectSpec {
  readonly name: string;
  /** Identifies the layouts of all maps; part of the pin path. */
  readonly layoutHash: string;
  readonly maps: readonly AnyMapSpec[];
  readonly programs: readonly string[];
}

export interface LoadOptions {
  /** The ELF file. */
  readonly bytes: Uint8Array;
  readonly spec: ObjectSpec;
  /** Folder on a bpf file system; made when missing. Without it nothing is pinned or reused. */
  readonly pinFolder?: string;
}

export class BpfObject implements Disposable {
  readonly spec: ObjectSpec;
  readonly #parts: LoadedBpfObject;

  private constructor(spec: ObjectSpec, parts: LoadedBpfObject) {
    this.spec = spec;
    this.#parts = parts;
  }

  /** @throws LayoutError, VerifierError, EbpfError, SystemError */
  static load(options: LoadOptions): BpfObject {
    const { spec, pinFolder } = options;
    checkLayouts(spec, options.bytes);
    using reused = new OwnedFds();
    if (pinFolder !== undefined) openPinned(spec, pinFolder, reused.fds);
    const object = new BpfObject(spec, loadParts(spec.name, options.bytes, reused.fds));
    try {
      if (pinFolder !== undefined) object.#pinNew(pinFolder, reused.fds);
      return object;
    } catch (error) {
      object[Symbol.dispose]();
      throw error;
    }
  }

  /** Hands a map with one value per key over to the caller, once. @throws SystemError */
  takeMap<K, V>(spec: MapSpec<K, V>): BpfMap<K, V> {
    return new BpfMap(spec, this.#takeMapFd(spec.name));
  }

  /** Hands a per-CPU array over to the caller, once. @throws SystemError */
  takePerCpuArray<V>(spec: MapSpec<number, V>): BpfPerCpuArray<V> {
    return new BpfPerCpuArray(spec, this.#takeMapFd(spec.name));
  }

  /** Hands a program over to the caller, once. */
  takeProgram(name: string): BpfProgram {
    const fd = must(this.#parts.programs.get(name), `object ${this.spec.name} has program ${name}`);
    return new BpfProgram(name, new Fd(fd.take()));
  }

  /** Closes the descriptors of what was not taken. What is pinned or attached stays. */
  [Symbol.dispose](): void {
    for (const fd of this.#parts.programs.values()) fd.close();
    for (const fd of this.#parts.maps.values()) fd.close();
  }

  #takeMapFd(name: string): Fd {
    const fd = must(this.#parts.maps.get(name), `object ${this.spec.name} has map ${name}`);
    return new Fd(fd.take());
  }

  #pinNew(folder: string, reused: ReadonlyMap<string, Fd>): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const { name } of this.spec.maps) {
      if (reused.has(name)) continue;
      pinBpf(must(this.#parts.maps.get(name), `map ${name} is loaded`), path.join(folder, name));
    }
  }
}

/** Descriptors that close at the end of a block. */
class OwnedFds implements Disposable {
  readonly fds: Map<string, Fd> = new Map();

  [Symbol.dispose](): void {
    for (const fd of this.fds.values()) fd.close();
  }
}

/**
 * The generated code and the object come from one build, or nothing is loaded. @throws LayoutError
 */
function checkLayouts(spec: ObjectSpec, bytes: Uint8Array): void {
  const actual = new Map<string, string>();
  for (const map of mapLayouts(btfOfObject(bytes))) actual.set(map.name, formatMapLayout(map));
  for (const map of spec.maps) {
    const layout = actual.get(map.name);
    if (layout === map.layout) continue;
    const current = layout === undefined ? "no such map" : layout;
    throw new LayoutError(`map ${map.name} of BPF object ${spec.name}`, current, map.layout);
  }
  const unknown = [...actual.keys()].filter((name) => !spec.maps.some((map) => map.name === name));
  if (unknown.length > 0) {
    throw new LayoutError(`BPF object ${spec.name}`, `map ${unknown.join(", ")}`, "no other maps");
  }
}

/**
 * Opens every map that is pinned in `folder` into `out`. @throws LayoutError for a map of other
 * sizes
 */
function openPinned(spec: ObjectSpec, folder: string, out: Map<string, Fd>): void {
  for (const map of spec.maps) {
    const file = path.join(folder, map.name);
    const fd = getPinnedBpf(file);
    if (fd === undefined) continue;
    out.set(map.name, fd);
    const info = bpfMapInfo(fd);
    const current = formatSizes(
      info.type,
      info.flags,
      info.keySize,
      info.valueSize,
      info.entryCountMax,
    );
    const want = formatSizes(
      map.mapType,
      map.flags,
      map.key.size,
      map.value.size,
      map.entryCountMax,
    );
    if (current !== want) throw new LayoutError(`pinned map ${file}`, current, want);
  }
}

function formatSizes(
  type: number,
  flags: number,
  keySize: number,
  valueSize: number,
  entryCountMax: number,
): string {
  return `type ${type} flags ${flags} key ${keySize} value ${valueSize} entries ${entryCountMax}`;
}

function loadParts(
  name: string,
  bytes: Uint8Array,
  reused: ReadonlyMap<string, Fd>,
): LoadedBpfObject {
  try {
    return loadBpfObject(bytes, name, reused);
  } catch (cause) {
    if (!(cause instanceof BpfLoadError)) throw cause;
    if (cause.log.includes("BEGIN PROG LOAD LOG"))
      throw new VerifierError(name, cause.log, { cause });
    const said = cause.log.trim().split("\n").slice(-3).join("; ");
    throw new EbpfError("load-failed", `${cause.message}: ${said}`, { cause });
  }
}
