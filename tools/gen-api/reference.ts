/** Reference page of a kind, as Markdown: names, columns, and every field with what it may hold. */
import { apiVersionOf, type JsonSchema, type ResourceKind } from "../../packages/api/src/kind.ts";
import type { Source } from "./sources.ts";

export function renderReferenceIndex(sources: readonly Source[]): string {
  const rows = sources.map(({ file, kind }) => {
    const scope = kind.namespaced ? "namespace" : "cluster";
    return `| [${kind.kind}](${file}.md) | \`${kind.plural}\` | ${scope} | ${kind.schema.description} |`;
  });
  return [
    "# API reference",
    "",
    "Kinds of group `heddle.io/v1alpha1`. Generated from their schemas; `kubectl explain` shows the same text.",
    "",
    "| kind | resource | scope | what it is |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

export function renderReference(kind: ResourceKind): string {
  return [
    `# ${kind.kind}`,
    "",
    kind.schema.description,
    "",
    ...facts(kind),
    "",
    ...section(kind, "spec"),
    ...section(kind, "status"),
  ].join("\n");
}

function facts(kind: ResourceKind): string[] {
  const names = kind.shortNames.map((name) => `, \`${name}\``).join("");
  const shown = kind.printerColumns.filter((column) => column.priority === undefined);
  const wide = kind.printerColumns.filter((column) => column.priority !== undefined);
  const list = (columns: readonly { readonly name: string }[]): string =>
    columns.map((column) => column.name.toUpperCase()).join(", ");
  return [
    `- API version: \`${apiVersionOf(kind)}\``,
    `- Scope: ${kind.namespaced ? "namespace" : "cluster"}`,
    `- Names for kubectl: \`${kind.plural}\`, \`${kind.singular}\`${names}`,
    `- Columns: NAME, ${list(shown)}${wide.length === 0 ? "" : `; with \`-o wide\` also ${list(wide)}`}`,
  ];
}

function section(kind: ResourceKind, part: "spec" | "status"): string[] {
  const schema = kind.schema.properties?.[part];
  if (schema === undefined) return [];
  return [
    `## ${part}`,
    "",
    schema.description ?? "",
    "",
    "| field | type | what it is |",
    "|---|---|---|",
    ...rows(schema, part),
    "",
  ];
}

function rows(schema: JsonSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = `${path}.${name}`;
    const isRequired = schema.required?.includes(name) === true;
    const below = field.type === "array" && field.items !== undefined ? field.items : field;
    const inner = rows(below, field.type === "array" ? `${at}[]` : at);
    return [`| \`${at}\` | ${typeOf(field)} | ${describe(field, isRequired)} |`, ...inner];
  });
}

function typeOf(schema: JsonSchema): string {
  if (schema.type === "array" && schema.items !== undefined)
    return `list of ${typeOf(schema.items)}`;
  if (schema.enum !== undefined) return "word";
  if (typeof schema.additionalProperties === "object") {
    return `map to ${typeOf(schema.additionalProperties)}`;
  }
  const format = schema.format?.startsWith("int") === true ? undefined : schema.format;
  return format ?? schema.type ?? "any";
}

function describe(schema: JsonSchema, isRequired: boolean): string {
  const words = (schema.enum ?? schema.items?.enum)?.map((value) => `\`${value}\``).join(", ");
  const plain = schema.default !== undefined && JSON.stringify(schema.default) !== "{}";
  const notes = [
    isRequired ? "Required." : "",
    words === undefined ? "" : `One of ${words}.`,
    rangeOf(schema),
    plain ? `Default \`${JSON.stringify(schema.default)}\`.` : "",
  ];
  return [schema.description, ...notes].filter((note) => note !== "").join(" ");
}

function rangeOf(schema: JsonSchema): string {
  const { minimum, maximum, minItems, maxItems } = schema;
  if (minimum !== undefined && maximum !== undefined && maximum < 0x7fffffff) {
    return `${minimum} to ${maximum}.`;
  }
  if (maxItems === undefined) return "";
  return minItems === undefined ? `At most ${maxItems}.` : `${minItems} to ${maxItems}.`;
}
