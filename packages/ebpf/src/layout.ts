/**
 * Layouts of what maps hold, read from BTF: the numbers that generated accessors are made of, that
 * the loader compares, and that let an old generation's maps be read after the layout has changed.
 *
 * Accepted are integers of 1 to 8 bytes, `__be16`/`__be32`/`__be64`, enumerations, arrays of bytes
 * or characters, and structs of these without bit fields; a map with anything else is refused.
 */
import { createHash } from "node:crypto";
import type { Btf, BtfType } from "./btf.ts";
import { EbpfError } from "./errors.ts";

export interface EnumValue {
  readonly name: string;
  readonly value: number;
}

export type TypeLayout =
  | {
      readonly kind: "integer";
      /** 1, 2, 4 or 8 bytes. */
      readonly size: number;
      readonly signed: boolean;
      readonly bigEndian: boolean;
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly size: number;
      readonly values: readonly EnumValue[];
    }
  | { readonly kind: "bytes"; readonly size: number }
  /** NUL-terminated unless it fills its space. */
  | { readonly kind: "text"; readonly size: number }
  | StructLayout;

export interface StructLayout {
  readonly kind: "struct";
  readonly name: string;
  readonly size: number;
  readonly fields: readonly FieldLayout[];
}

export interface FieldLayout {
  readonly name: string;
  readonly offset: number;
  readonly type: TypeLayout;
}

/** A map as its definition in the section `.maps` says. */
export interface MapLayout {
  readonly name: string;
  readonly mapType: number;
  readonly flags: number;
  readonly entryCountMax: number;
  readonly key: TypeLayout;
  readonly value: TypeLayout;
}

/**
 * Types that one layout may consist of: foreign BTF may refer to itself, or fan out without end.
 */
const typeBudget = 1024;

/** The layout of type `id`. @throws EbpfError bad-btf for a type that maps must not hold */
export function layoutOf(btf: Btf, id: number): TypeLayout {
  return new Walk(btf).layoutOf(id);
}

/** One walk from a type to all that it consists of. */
class Walk {
  readonly #btf: Btf;
  #typesLeft = typeBudget;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  layoutOf(id: number): TypeLayout {
    let bigEndian = false;
    let type = this.#next(id);
    while (type.kind === "typedef" || type.kind === "modifier") {
      if (type.kind === "typedef" && /^__be(16|32|64)$/.test(type.name)) bigEndian = true;
      type = this.#next(type.typeId);
    }
    switch (type.kind) {
      case "int":
        return integerLayout(type.size, type.signed, bigEndian);
      case "enum":
        return enumLayout(type);
      case "array":
        return this.#array(type.typeId, type.count);
      case "struct":
        return this.#struct(type);
      default:
        throw new EbpfError("bad-btf", `Cannot lay out a ${type.kind}: want a plain value`);
    }
  }

  #next(id: number): BtfType {
    this.#typesLeft -= 1;
    if (this.#typesLeft >= 0) return typeAt(this.#btf, id);
    const message = `Cannot lay out a type: more than ${typeBudget} parts, want fewer`;
    throw new EbpfError("bad-btf", message);
  }

  #array(elementId: number, count: number): TypeLayout {
    const element = this.layoutOf(elementId);
    if (element.kind === "integer" && element.size === 1) {
      return { kind: element.signed ? "text" : "bytes", size: count };
    }
    throw new EbpfError("bad-btf", `Cannot lay out an array of ${element.kind}, want bytes`);
  }

  #struct({ name, size, members }: Extract<BtfType, { members: unknown }>): StructLayout {
    const fields = members.map((member): FieldLayout => {
      if (member.bitSize === 0 && member.bitOffset % 8 === 0) {
        const type = this.layoutOf(member.typeId);
        return { name: member.name, offset: member.bitOffset / 8, type };
      }
      const message = `Cannot lay out ${name}.${member.name}: a bit field, want whole bytes`;
      throw new EbpfError("bad-btf", message);
    });
    refusePadding(name, size, fields);
    return { kind: "struct", name, size, fields };
  }
}

function integerLayout(size: number, signed: boolean, bigEndian: boolean): TypeLayout {
  if (![1, 2, 4, 8].includes(size)) {
    const message = `Cannot lay out an integer: ${size} bytes, want 1, 2, 4 or 8`;
    throw new EbpfError("bad-btf", message);
  }
  return { kind: "integer", size, signed, bigEndian };
}

function enumLayout({ name, size, values }: Extract<BtfType, { kind: "enum" }>): TypeLayout {
  const numbers = values.map((value) => ({ name: value.name, value: Number(value.value) }));
  return { kind: "enum", name, size, values: numbers };
}

function typeAt(btf: Btf, id: number): BtfType {
  const type = btf[id];
  if (type === undefined) throw new EbpfError("bad-btf", `Cannot find BTF type ${id}`);
  return type;
}

/** Padding would hold whatever was on the program's stack, and keys compare it. */
function refusePadding(name: string, size: number, fields: readonly FieldLayout[]): void {
  let end = 0;
  for (const field of fields) {
    if (field.offset !== end) {
      const message = `Cannot lay out ${name}: padding before ${field.name}, want a field`;
      throw new EbpfError("bad-btf", message);
    }
    end += field.type.size;
  }
  if (end !== size) {
    throw new EbpfError("bad-btf", `Cannot lay out ${name}: padding at its end, want a field`);
  }
}

/** The maps of an object, by name. @throws EbpfError bad-btf */
export function mapLayouts(btf: Btf): MapLayout[] {
  const section = btf.find((type) => type.kind === "section" && type.name === ".maps");
  if (section === undefined || section.kind !== "section") return [];
  const maps = section.variableIds.map((id) => mapLayout(btf, typeAt(btf, id)));
  return maps.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * libbpf's convention: a number is the length of an array that a member points to (`__uint`), a
 * type is what a member points to (`__type`).
 */
function mapLayout(btf: Btf, variable: BtfType): MapLayout {
  const definition = variable.kind === "variable" ? typeAt(btf, variable.typeId) : variable;
  if (variable.kind !== "variable" || definition.kind !== "struct") {
    throw new EbpfError("bad-btf", "Cannot read a map definition: want a struct variable");
  }
  const pointee = (name: string): number | undefined => {
    const member = definition.members.find((candidate) => candidate.name === name);
    const pointer = member === undefined ? undefined : typeAt(btf, member.typeId);
    return pointer?.kind === "pointer" ? pointer.typeId : undefined;
  };
  const number = (name: string): number => {
    const id = pointee(name);
    const array = id === undefined ? undefined : typeAt(btf, id);
    return array?.kind === "array" ? array.count : 0;
  };
  const type = (name: string): TypeLayout => {
    const id = pointee(name);
    if (id !== undefined) return layoutOf(btf, id);
    throw new EbpfError("bad-btf", `Cannot read map ${variable.name}: no ${name}, want a type`);
  };
  return {
    name: variable.name,
    mapType: number("type"),
    flags: number("map_flags"),
    entryCountMax: number("max_entries"),
    key: type("key"),
    value: type("value"),
  };
}

/** Names of the programs: the functions that are not static. */
export function programNames(btf: Btf): string[] {
  const names: string[] = [];
  for (const type of btf) if (type.kind === "function" && type.isGlobal) names.push(type.name);
  return names.sort();
}

/** Every enumeration by name. */
export function enumLayouts(btf: Btf): Map<string, readonly EnumValue[]> {
  const enums = new Map<string, readonly EnumValue[]>();
  for (const [id, type] of btf.entries()) {
    if (type.kind !== "enum" || type.name === "") continue;
    const layout = layoutOf(btf, id);
    if (layout.kind === "enum") enums.set(layout.name, layout.values);
  }
  return enums;
}

/** One line that is equal for equal layouts, and can be read in an error message. */
export function formatMapLayout(map: MapLayout): string {
  const head = `type ${map.mapType} flags ${map.flags} entries ${map.entryCountMax}`;
  return `${head} key ${formatTypeLayout(map.key)} value ${formatTypeLayout(map.value)}`;
}

export function formatTypeLayout(type: TypeLayout): string {
  switch (type.kind) {
    case "integer":
      return `${type.bigEndian ? "be" : type.signed ? "s" : "u"}${type.size * 8}`;
    case "enum":
      return `enum${type.size * 8}(${type.values.map((v) => `${v.name}=${v.value}`).join(" ")})`;
    case "bytes":
      return `bytes[${type.size}]`;
    case "text":
      return `text[${type.size}]`;
    case "struct": {
      const fields = type.fields.map(
        (field) => `${field.offset}:${field.name} ${formatTypeLayout(field.type)}`,
      );
      return `${type.name}[${type.size}]{${fields.join(", ")}}`;
    }
  }
}

/** Identifies a set of map layouts: 16 hexadecimal digits, part of the pin path. */
export function hashLayouts(maps: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const name of [...maps.keys()].sort()) hash.update(`${name}: ${maps.get(name)}\n`);
  return hash.digest("hex").slice(0, 16);
}
