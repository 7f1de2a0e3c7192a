/**
 * Generates the TypeScript twin of the eBPF objects: accessors for every struct that a map holds,
 * specs of maps and programs, and the enumerations that both sides share. Input is the BTF of
 * `bpf/build/*.bpf.o`, which `make -C bpf` builds; this program runs it. `--check` writes nothing
 * and fails when a generated file is out of date.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  btfOfObject,
  type EnumValue,
  enumLayouts,
  formatMapLayout,
  hashLayouts,
  type MapLayout,
  mapLayouts,
  programNames,
  type StructLayout,
  type TypeLayout,
} from "@heddle/ebpf/layout";

const root = path.resolve(import.meta.dirname, "..");

interface Target {
  readonly object: string;
  readonly output: string;
  /** Enumerations to generate: name in C, prefix of its values. */
  readonly enums: Readonly<Record<string, string>>;
}

const targets: readonly Target[] = [
  {
    object: "heddle",
    output: "packages/dataplane/src/gen/heddle.gen.ts",
    enums: { route_action: "ROUTE_", drop_reason: "DROP_", forward_path: "PATH_" },
  },
];

function main(): void {
  const isCheck = process.argv.includes("--check");
  execFileSync("make", ["-s", "-C", path.join(root, "bpf")], { stdio: "inherit" });
  for (const target of targets) {
    const text = generate(target);
    const output = path.join(root, target.output);
    const current = existsSync(output) ? readFileSync(output, "utf8") : undefined;
    if (text === current) continue;
    if (isCheck) {
      console.error(`${target.output} is out of date: run tools/gen-bpf.ts`);
      process.exitCode = 1;
      continue;
    }
    mkdirSync(path.dirname(output), { recursive: true });
    writeFileSync(output, text);
    console.log(`${target.output} written`);
  }
}

function generate(target: Target): string {
  const btf = btfOfObject(readFileSync(path.join(root, `bpf/build/${target.object}.bpf.o`)));
  const maps = mapLayouts(btf);
  const structs = new Map<string, StructLayout>();
  for (const map of maps) for (const type of [map.key, map.value]) collectStructs(type, structs);
  const body = [...structs.values()].map(structText);
  body.push(...maps.map(mapText), objectText(target.object, maps, programNames(btf)));
  const enums = enumLayouts(btf);
  for (const [name, prefix] of Object.entries(target.enums)) {
    const values = enums.get(name);
    if (values === undefined) throw new Error(`Cannot generate enum ${name}: not in the BTF`);
    body.push(enumText(name, prefix, values));
  }
  return [headText(target.object, body.join("\n")), ...body].join("\n");
}

/** Imports what the body uses. */
function headText(object: string, body: string): string {
  const candidates = ["getBytes", "getText", "putBytes", "putText", "u32Codec"];
  const values = candidates.filter((name) => body.includes(name));
  const names = ["type MapSpec", "type ObjectSpec", "type ValueCodec", ...values];
  const sorted = names.sort((a, b) => (bare(a) < bare(b) ? -1 : 1));
  return `// Generated from bpf/${object}.bpf.c by tools/gen-bpf.ts. Do not edit.
/** Accessors of the maps of \`bpf/${object}.bpf.c\`; \`bpf/lib/types.h\` documents every field. */
import {
${sorted.map((name) => `  ${name},\n`).join("")}} from "@heddle/ebpf";
`;
}

function bare(name: string): string {
  return name.replace(/^type /, "").toLowerCase();
}

function collectStructs(type: TypeLayout, out: Map<string, StructLayout>): void {
  if (type.kind !== "struct") return;
  for (const field of type.fields) collectStructs(field.type, out);
  out.set(type.name, type);
}

function structText(struct: StructLayout): string {
  const name = pascal(struct.name);
  const lines = [
    `export interface ${name} {`,
    ...struct.fields.map((field) => `  readonly ${camel(field.name)}: ${typeText(field.type)};`),
    "}",
    "",
    `export const ${codecName(struct)}: ValueCodec<${name}> = {`,
    `  size: ${struct.size},`,
    "  encode(value, view, at): void {",
    ...struct.fields.map(
      (f) => `    ${encodeText(f.type, `value.${camel(f.name)}`, at(f.offset))};`,
    ),
    "  },",
    `  decode(view, at): ${name} {`,
    "    return {",
    ...struct.fields.map((f) => `      ${camel(f.name)}: ${decodeText(f.type, at(f.offset))},`),
    "    };",
    "  },",
    "};",
    "",
  ];
  return lines.join("\n");
}

function at(offset: number): string {
  return offset === 0 ? "at" : `at + ${offset}`;
}

function typeText(type: TypeLayout): string {
  if (type.kind === "bytes") return "Uint8Array";
  if (type.kind === "text") return "string";
  if (type.kind === "struct") return pascal(type.name);
  return type.size === 8 ? "bigint" : "number";
}

/** `Uint32`, `BigInt64`: the part of a DataView method's name after get or set. */
function integerText(type: Extract<TypeLayout, { kind: "integer" | "enum" }>): string {
  const signed = type.kind === "integer" && type.signed;
  return `${type.size === 8 ? "Big" : ""}${signed ? "Int" : "Uint"}${type.size * 8}`;
}

/** The argument for the byte order; one byte has none. */
function orderText(type: Extract<TypeLayout, { kind: "integer" | "enum" }>): string {
  if (type.size === 1) return "";
  return type.kind === "integer" && type.bigEndian ? ", false" : ", true";
}

function encodeText(type: TypeLayout, value: string, offset: string): string {
  if (type.kind === "bytes") return `putBytes(view, ${offset}, ${type.size}, ${value})`;
  if (type.kind === "text") return `putText(view, ${offset}, ${type.size}, ${value})`;
  if (type.kind === "struct") return `${codecName(type)}.encode(${value}, view, ${offset})`;
  return `view.set${integerText(type)}(${offset}, ${value}${orderText(type)})`;
}

function decodeText(type: TypeLayout, offset: string): string {
  if (type.kind === "bytes") return `getBytes(view, ${offset}, ${type.size})`;
  if (type.kind === "text") return `getText(view, ${offset}, ${type.size})`;
  if (type.kind === "struct") return `${codecName(type)}.decode(view, ${offset})`;
  return `view.get${integerText(type)}(${offset}${orderText(type)})`;
}

function codecName(struct: StructLayout): string {
  return `${camel(struct.name)}Codec`;
}

function mapText(map: MapLayout): string {
  const types = `${typeText(map.key)}, ${typeText(map.value)}`;
  return `export const ${camel(map.name)}Map: MapSpec<${types}> = {
  name: "${map.name}",
  mapType: ${map.mapType},
  flags: ${map.flags},
  entryCountMax: ${map.entryCountMax},
  layout:
    "${formatMapLayout(map)}",
  key: ${mapCodec(map.key)},
  value: ${mapCodec(map.value)},
};
`;
}

function mapCodec(type: TypeLayout): string {
  if (type.kind === "struct") return codecName(type);
  const isU32 = type.kind === "integer" && type.size === 4 && !type.signed && !type.bigEndian;
  if (isU32) return "u32Codec";
  throw new Error(`Cannot generate a codec for ${type.kind}: want a struct or __u32`);
}

function objectText(
  object: string,
  maps: readonly MapLayout[],
  programs: readonly string[],
): string {
  const layouts = new Map(maps.map((map) => [map.name, formatMapLayout(map)]));
  return `export const ${camel(object)}Object: ObjectSpec = {
  name: "${object}",
  layoutHash: "${hashLayouts(layouts)}",
  maps: [${maps.map((map) => `${camel(map.name)}Map`).join(", ")}],
  programs: [${programs.map((name) => `"${name}"`).join(", ")}],
};
`;
}

/**
 * A table from name to number; the C name `DROP_NO_VIF` becomes `no-vif`. A last value named COUNT
 * is left out.
 */
function enumText(name: string, prefix: string, values: readonly EnumValue[]): string {
  const entries = values.filter((value) => !value.name.endsWith("_COUNT"));
  const lines = entries.map((value) => {
    if (!value.name.startsWith(prefix))
      throw new Error(`Cannot name ${value.name}: want ${prefix}`);
    const key = value.name.slice(prefix.length).toLowerCase().replaceAll("_", "-");
    return `  ${/^[a-z]+$/.test(key) ? key : `"${key}"`}: ${value.value},`;
  });
  const type = entries.map((value) => {
    const key = value.name.slice(prefix.length).toLowerCase().replaceAll("_", "-");
    return `  readonly ${/^[a-z]+$/.test(key) ? key : `"${key}"`}: ${value.value};`;
  });
  return `export const ${camel(name)}: {\n${type.join("\n")}\n} = {\n${lines.join("\n")}\n};
export type ${pascal(name)} = keyof typeof ${camel(name)};
`;
}

function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function pascal(name: string): string {
  const text = camel(name);
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

main();
