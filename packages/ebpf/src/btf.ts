/**
 * BTF, the type information of BPF objects (Documentation/bpf/btf.rst of the kernel): types by id,
 * id 0 is void. Decodes every kind up to enum64, so that ids stay right; keeps of each what layouts
 * need.
 */
import { BoundsError, Reader } from "@heddle/codec";
import { elfSection, textAt } from "./elf.ts";
import { EbpfError } from "./errors.ts";

const btfMagic = 0xeb9f;
/** A bound for foreign input: vmlinux has about 150,000 types. */
const typeCountMax = 1_000_000;

export interface BtfMember {
  readonly name: string;
  readonly typeId: number;
  readonly bitOffset: number;
  /** 0 unless the member is a bit field. */
  readonly bitSize: number;
}

export type BtfType =
  | { readonly kind: "void" }
  | { readonly kind: "int"; readonly name: string; readonly size: number; readonly signed: boolean }
  | { readonly kind: "pointer"; readonly typeId: number }
  | { readonly kind: "array"; readonly typeId: number; readonly count: number }
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly size: number;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: "typedef"; readonly name: string; readonly typeId: number }
  /** const, volatile, restrict and type tags. */
  | { readonly kind: "modifier"; readonly typeId: number }
  | { readonly kind: "function"; readonly name: string; readonly isGlobal: boolean }
  | { readonly kind: "variable"; readonly name: string; readonly typeId: number }
  | { readonly kind: "section"; readonly name: string; readonly variableIds: readonly number[] }
  /** Of no use for layouts: forward declarations, prototypes, floats, declaration tags. */
  | { readonly kind: "other" };

/** Types by id. */
export type Btf = readonly BtfType[];

/** The BTF of an ELF object. @throws EbpfError bad-elf, bad-btf */
export function btfOfObject(file: Uint8Array): Btf {
  const section = elfSection(file, ".BTF");
  if (section === undefined) {
    throw new EbpfError("bad-btf", "Cannot read BTF: no section .BTF, want one (clang -g)");
  }
  return decodeBtf(section);
}

/** @throws EbpfError bad-btf */
export function decodeBtf(bytes: Uint8Array): Btf {
  try {
    return decodeTypes(bytes);
  } catch (cause) {
    if (!(cause instanceof BoundsError)) throw cause;
    throw new EbpfError("bad-btf", "Cannot read BTF: cut off, want whole types", { cause });
  }
}

function decodeTypes(bytes: Uint8Array): Btf {
  const header = new Reader(bytes);
  const magic = header.u16Le();
  const version = header.u8();
  if (magic !== btfMagic || version !== 1) {
    const current = `magic 0x${magic.toString(16)} version ${version}`;
    throw new EbpfError("bad-btf", `Cannot read BTF: ${current}, want 0xeb9f version 1`);
  }
  header.skip(1);
  const headerLength = header.u32Le();
  const [typesOffset, typesLength] = [header.u32Le(), header.u32Le()];
  const [textOffset, textLength] = [header.u32Le(), header.u32Le()];
  const part = (offset: number, length: number): Uint8Array => {
    const r = new Reader(bytes);
    r.skip(headerLength + offset);
    return r.bytes(length);
  };
  const texts = part(textOffset, textLength);
  const r = new Reader(part(typesOffset, typesLength));
  const types: BtfType[] = [{ kind: "void" }];
  while (r.left > 0) {
    if (types.length > typeCountMax)
      throw new EbpfError("bad-btf", "Cannot read BTF: too many types");
    types.push(decodeType(r, texts));
  }
  return types;
}

/** struct btf_type: name, then kind, flag and vlen in one word, then size or type. */
function decodeType(r: Reader, texts: Uint8Array): BtfType {
  const name = textAt(texts, r.u32Le());
  const info = r.u32Le();
  const sizeOrType = r.u32Le();
  const count = info & 0xffff;
  const kind = (info >>> 24) & 0x1f;
  const flag = info >>> 31 === 1;
  switch (kind) {
    case 1:
      return { kind: "int", name, size: sizeOrType, signed: ((r.u32Le() >>> 24) & 1) === 1 };
    case 2:
      return { kind: "pointer", typeId: sizeOrType };
    case 3:
      return decodeArray(r);
    case 4:
    case 5:
      return {
        kind: kind === 4 ? "struct" : "union",
        name,
        size: sizeOrType,
        members: times(count, () => decodeMember(r, texts, flag)),
      };
    case 6:
      return {
        kind: "enum",
        name,
        size: sizeOrType,
        values: times(count, () => enum32(r, texts, flag)),
      };
    case 8:
      return { kind: "typedef", name, typeId: sizeOrType };
    case 9:
    case 10:
    case 11:
    case 18:
      return { kind: "modifier", typeId: sizeOrType };
    case 12:
      return { kind: "function", name, isGlobal: count === 1 };
    case 14:
      r.skip(4);
      return { kind: "variable", name, typeId: sizeOrType };
    case 15:
      return { kind: "section", name, variableIds: times(count, () => sectionVariable(r)) };
    case 19:
      return { kind: "enum", name, size: sizeOrType, values: times(count, () => enum64(r, texts)) };
    default:
      return decodeOther(r, kind, count);
  }
}

/** Forward declaration, function prototype, float, declaration tag. */
function decodeOther(r: Reader, kind: number, count: number): BtfType {
  if (kind === 13) r.skip(count * 8);
  else if (kind === 17) r.skip(4);
  else if (kind !== 7 && kind !== 16) {
    throw new EbpfError("bad-btf", `Cannot read BTF: kind ${kind}, want 1 to 19`);
  }
  return { kind: "other" };
}

function times<T>(count: number, decode: () => T): T[] {
  return Array.from({ length: count }, decode);
}

function decodeArray(r: Reader): BtfType {
  const typeId = r.u32Le();
  r.skip(4);
  return { kind: "array", typeId, count: r.u32Le() };
}

/** With the flag, the upper eight bits of the offset are the size of a bit field. */
function decodeMember(r: Reader, texts: Uint8Array, flag: boolean): BtfMember {
  const name = textAt(texts, r.u32Le());
  const typeId = r.u32Le();
  const offset = r.u32Le();
  return flag
    ? { name, typeId, bitOffset: offset & 0xffffff, bitSize: offset >>> 24 }
    : { name, typeId, bitOffset: offset, bitSize: 0 };
}

function enum32(r: Reader, texts: Uint8Array, signed: boolean): { name: string; value: bigint } {
  const name = textAt(texts, r.u32Le());
  return { name, value: BigInt(signed ? r.i32Le() : r.u32Le()) };
}

function enum64(r: Reader, texts: Uint8Array): { name: string; value: bigint } {
  const name = textAt(texts, r.u32Le());
  const low = BigInt(r.u32Le());
  return { name, value: (BigInt(r.i32Le()) << 32n) | low };
}

function sectionVariable(r: Reader): number {
  const id = r.u32Le();
  r.skip(8);
  return id;
}
