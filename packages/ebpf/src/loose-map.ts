/**
 * Copies maps of one generation into the next, where the layout has changed. The old map says
 * itself how it is laid out, by the BTF that the kernel keeps with it; values travel field by
 * field, by name.
 */
import { bpfBtfBytes, type Fd, getPinnedBpf, RawBpfMap } from "@heddle/native";
import { decodeBtf } from "./btf.ts";
import { decodeLoose, encodeLoose, type LooseValue } from "./codec.ts";
import { EbpfError } from "./errors.ts";
import { layoutOf, type TypeLayout } from "./layout.ts";
import { readEntries } from "./map.ts";

/** How a map in the kernel is laid out. */
interface KernelLayout {
  readonly key: TypeLayout;
  readonly value: TypeLayout;
}

/** @throws EbpfError bad-btf when the kernel keeps no BTF for the map */
function kernelLayout(map: RawBpfMap): KernelLayout {
  const { btfId, btfKeyTypeId, btfValueTypeId, name } = map.info;
  if (btfId === 0)
    throw new EbpfError("bad-btf", `Cannot read map ${name}: the kernel has no BTF of it`);
  const btf = decodeBtf(bpfBtfBytes(btfId));
  return { key: layoutOf(btf, btfKeyTypeId), value: layoutOf(btf, btfValueTypeId) };
}

/**
 * Copies all entries of the map pinned at `fromPath` to the one pinned at `toPath`; neither is
 * per-CPU. Fields that the target does not have are lost; those that the source does not have are
 * zero. Returns the number of entries.
 * @throws EbpfError, SystemError
 */
export function migratePinnedMap(fromPath: string, toPath: string): number {
  using from = openMap(fromPath);
  using to = openMap(toPath);
  const [source, target] = [new RawBpfMap(from), new RawBpfMap(to)];
  const [old, next] = [kernelLayout(source), kernelLayout(target)];
  const entries = readEntries(source, (keys, keyAt, values, valueAt): [LooseValue, LooseValue] => [
    decodeLoose(old.key, keys, keyAt),
    decodeLoose(old.value, values, valueAt),
  ]);
  for (const [key, value] of entries) {
    target.update(encodeAs(next.key, key), encodeAs(next.value, value));
  }
  return entries.length;
}

function openMap(path: string): Fd {
  const fd = getPinnedBpf(path);
  if (fd !== undefined) return fd;
  throw new EbpfError("no-pin", `Cannot migrate map ${path}: nothing is pinned there`);
}

function encodeAs(type: TypeLayout, value: LooseValue): Uint8Array {
  const bytes = new Uint8Array(type.size);
  encodeLoose(type, value, new DataView(bytes.buffer), 0);
  return bytes;
}
