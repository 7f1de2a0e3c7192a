/**
 * Sections of a 64-bit little-endian ELF file for the BPF machine, as clang writes it with `-target
 * bpf`. Reads section headers only: programs, relocations and symbols are libbpf's to understand.
 */
import { BoundsError, Reader } from "@heddle/codec";
import { EbpfError } from "./errors.ts";

const elfMagic = 0x464c457f;
const class64 = 2;
const dataLittleEndian = 1;
const machineBpf = 247;

interface SectionHeader {
  readonly nameOffset: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * The bytes of the section `name`, borrowed; undefined when there is none. @throws EbpfError
 * bad-elf
 */
export function elfSection(file: Uint8Array, name: string): Uint8Array | undefined {
  try {
    const { headers, names } = readSectionTable(file);
    const found = headers.find((header) => textAt(names, header.nameOffset) === name);
    return found === undefined ? undefined : bytesOf(file, found);
  } catch (cause) {
    if (!(cause instanceof BoundsError)) throw cause;
    throw new EbpfError("bad-elf", "Cannot read ELF file: cut off, want whole sections", { cause });
  }
}

function readSectionTable(file: Uint8Array): { headers: SectionHeader[]; names: Uint8Array } {
  const r = new Reader(file);
  const magic = r.u32Le();
  const fileClass = r.u8();
  const data = r.u8();
  r.skip(10 + 2);
  const machine = r.u16Le();
  if (magic !== elfMagic || fileClass !== class64 || data !== dataLittleEndian) {
    throw new EbpfError("bad-elf", "Cannot read ELF file: other format, want 64-bit little-endian");
  }
  if (machine !== machineBpf) {
    const message = `Cannot read ELF file: machine ${machine}, want ${machineBpf} (BPF)`;
    throw new EbpfError("bad-elf", message);
  }
  // e_version, e_entry, e_phoff
  r.skip(4 + 8 + 8);
  const tableOffset = Number(r.u64Le());
  // e_flags, e_ehsize, e_phentsize, e_phnum
  r.skip(4 + 2 + 2 + 2);
  const entrySize = r.u16Le();
  const count = r.u16Le();
  const namesIndex = r.u16Le();
  const table = new Reader(file);
  table.skip(tableOffset);
  const headers: SectionHeader[] = [];
  for (let i = 0; i < count; i += 1) headers.push(readHeader(table.sub(entrySize)));
  const namesHeader = headers[namesIndex];
  if (namesHeader === undefined) throw new EbpfError("bad-elf", "Cannot read ELF file: no names");
  return { headers, names: bytesOf(file, namesHeader) };
}

function readHeader(r: Reader): SectionHeader {
  const nameOffset = r.u32Le();
  // sh_type, sh_flags, sh_addr
  r.skip(4 + 8 + 8);
  return { nameOffset, offset: Number(r.u64Le()), size: Number(r.u64Le()) };
}

function bytesOf(file: Uint8Array, header: SectionHeader): Uint8Array {
  const r = new Reader(file);
  r.skip(header.offset);
  return r.bytes(header.size);
}

/** The NUL-terminated text at `offset` of a string table; empty beyond its end. */
export function textAt(table: Uint8Array, offset: number): string {
  const end = table.indexOf(0, offset);
  return new TextDecoder().decode(table.subarray(offset, end < 0 ? undefined : end));
}
