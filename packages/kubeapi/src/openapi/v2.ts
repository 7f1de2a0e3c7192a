/**
 * The OpenAPI v2 document (Swagger 2.0) of all kinds: `GET /openapi/v2` as JSON. kubectl reads from
 * it what `explain` shows, how arrays merge, and which operations know `dryRun`.
 */
import type { JsonSchema, ResourceKind } from "@heddle/api";
import { type ServedKind, servedKinds } from "../core-kinds/served-kinds.ts";
import {
  definitionName,
  groupVersionKind,
  kindPaths,
  metaDefinitions,
  metaPrefix,
  writeParameters,
} from "./definitions.ts";

/** A Schema object of OpenAPI v2. */
export interface SchemaV2 {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly items?: SchemaV2;
  readonly properties?: Readonly<Record<string, SchemaV2>>;
  readonly additionalProperties?: SchemaV2 | boolean;
  /** Fields whose name starts with `x-`. */
  readonly extensions: Readonly<Record<`x-${string}`, unknown>>;
}

export interface ParameterV2 {
  readonly name: string;
  readonly in: "query" | "path" | "body";
  readonly description: string;
  readonly required: boolean;
  readonly schema?: SchemaV2;
}

export interface OperationV2 {
  readonly operationId: string;
  readonly description: string;
  readonly consumes: readonly string[];
  readonly produces: readonly string[];
  readonly parameters: readonly ParameterV2[];
  readonly response: SchemaV2;
  readonly extensions: Readonly<Record<`x-${string}`, unknown>>;
}

export type MethodV2 = "get" | "put" | "post" | "delete" | "patch";

export interface PathV2 {
  readonly operations: Readonly<Partial<Record<MethodV2, OperationV2>>>;
  readonly parameters: readonly ParameterV2[];
}

/** The document before it is written as JSON or as protocol buffers. */
export interface DocumentV2 {
  readonly title: string;
  readonly version: string;
  readonly paths: Readonly<Record<string, PathV2>>;
  readonly definitions: Readonly<Record<string, SchemaV2>>;
}

export function openApiV2(
  version: string,
  served: readonly ServedKind[] = servedKinds,
): DocumentV2 {
  const metas = Object.entries(metaDefinitions).map(
    ([name, schema]) => [`${metaPrefix}.${name}`, schemaV2(schema)] as const,
  );
  const kinds = served.flatMap(({ kind }) => [
    [definitionName(kind), kindSchema(kind)] as const,
    [`${definitionName(kind)}List`, listSchema(kind)] as const,
  ]);
  return {
    title: "Heddle",
    version,
    paths: Object.fromEntries(served.flatMap(({ kind }) => pathsOf(kind))),
    definitions: Object.fromEntries([...kinds, ...metas]),
  };
}

const noExtensions: SchemaV2["extensions"] = {};

export function refV2(name: string, description?: string): SchemaV2 {
  const $ref = `#/definitions/${name}`;
  return description === undefined
    ? { $ref, extensions: noExtensions }
    : { $ref, description, extensions: noExtensions };
}

function kindSchema(kind: ResourceKind): SchemaV2 {
  const schema = schemaV2(kind.schema);
  const metadata = refV2(`${metaPrefix}.ObjectMeta`, "Standard object metadata.");
  return {
    ...schema,
    properties: { ...schema.properties, metadata },
    extensions: {
      ...schema.extensions,
      "x-kubernetes-group-version-kind": [groupVersionKind(kind)],
    },
  };
}

function listSchema(kind: ResourceKind): SchemaV2 {
  const text = (description: string): SchemaV2 => ({
    type: "string",
    description,
    extensions: noExtensions,
  });
  return {
    type: "object",
    description: `A list of ${kind.kind} objects.`,
    required: ["items"],
    properties: {
      apiVersion: text("Version of the schema of this object."),
      kind: text("Kind of this object."),
      metadata: refV2(`${metaPrefix}.ListMeta`, "Metadata of the list."),
      items: {
        type: "array",
        description: "The objects.",
        items: refV2(definitionName(kind)),
        extensions: noExtensions,
      },
    },
    extensions: {
      "x-kubernetes-group-version-kind": [{ ...groupVersionKind(kind), kind: kind.listKind }],
    },
  };
}

/**
 * A schema in the words of OpenAPI v2. Objects that keep unknown fields lose the list of those they
 * know: old clients refuse every other field otherwise.
 */
export function schemaV2(schema: JsonSchema): SchemaV2 {
  const { properties, items, additionalProperties, nullable: _nullable, ...rest } = schema;
  const plain: Record<string, unknown> = {};
  const extensions: Record<`x-${string}`, unknown> = {};
  for (const [name, value] of Object.entries(rest)) {
    if (isExtension(name)) extensions[name] = value;
    else plain[name] = value;
  }
  if (schema["x-kubernetes-int-or-string"] === true) {
    return { description: describe(schema), type: "string", format: "int-or-string", extensions };
  }
  if (schema.format === "quantity") {
    return { description: describe(schema), type: "string", extensions };
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) {
    return { description: describe(schema), type: "object", extensions };
  }
  return {
    ...plain,
    ...(properties === undefined ? {} : { properties: mapValues(properties) }),
    ...(items === undefined ? {} : { items: schemaV2(items) }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: schemaV2(additionalProperties) }
      : {}),
    extensions,
  };
}

function isExtension(name: string): name is `x-${string}` {
  return name.startsWith("x-");
}

function describe(schema: JsonSchema): string {
  return schema.description === undefined ? "" : schema.description;
}

function mapValues(properties: Readonly<Record<string, JsonSchema>>): Record<string, SchemaV2> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, schemaV2(schema)]),
  );
}

const json = ["application/json"];
const patches = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

function pathsOf(kind: ResourceKind): [string, PathV2][] {
  const { all, one } = kindPaths(kind);
  const scope = kind.namespaced ? [pathParameter("namespace", "Namespace of the object.")] : [];
  const named = [pathParameter("name", "Name of the object."), ...scope];
  const item: PathV2 = {
    operations: {
      get: operation(kind, "read", json, []),
      put: operation(kind, "replace", json, [bodyOf(kind), ...writeQuery]),
      patch: operation(kind, "patch", patches, [patchBody, ...writeQuery]),
      delete: operation(kind, "delete", json, writeQuery),
    },
    parameters: named,
  };
  const collection: PathV2 = {
    operations: {
      get: operation(kind, "list", json, []),
      post: operation(kind, "create", json, [bodyOf(kind), ...writeQuery]),
    },
    parameters: scope,
  };
  return [
    [all, collection],
    [one, item],
  ];
}

const writeQuery: readonly ParameterV2[] = writeParameters.map(([name, description]) => ({
  name,
  in: "query",
  description,
  required: false,
}));

const patchBody: ParameterV2 = {
  name: "body",
  in: "body",
  description: "The patch.",
  required: true,
  schema: refV2(`${metaPrefix}.Patch`),
};

function bodyOf(kind: ResourceKind): ParameterV2 {
  return {
    name: "body",
    in: "body",
    description: "The object.",
    required: true,
    schema: refV2(definitionName(kind)),
  };
}

function pathParameter(name: string, description: string): ParameterV2 {
  return { name, in: "path", description, required: true };
}

type Action = "list" | "create" | "read" | "replace" | "patch" | "delete";

/** Values of x-kubernetes-action that differ from our words for the operation. */
const actions: Readonly<Record<Action, string>> = {
  list: "list",
  create: "post",
  read: "get",
  replace: "put",
  patch: "patch",
  delete: "delete",
};

function operation(
  kind: ResourceKind,
  action: Action,
  consumes: readonly string[],
  parameters: readonly ParameterV2[],
): OperationV2 {
  return {
    operationId: operationId(kind, action),
    description: `${action} ${kind.plural}`,
    consumes,
    produces: json,
    parameters,
    response: refV2(`${definitionName(kind)}${action === "list" ? "List" : ""}`),
    extensions: {
      "x-kubernetes-action": actions[action],
      "x-kubernetes-group-version-kind": groupVersionKind(kind),
    },
  };
}

/** `listCoreV1NamespacedPod`. */
export function operationId(kind: ResourceKind, action: string): string {
  const group = kind.group === "" ? "core" : (kind.group.split(".")[0] as string);
  const words = [group, kind.version, kind.namespaced ? "Namespaced" : "", kind.kind];
  return action + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** The document as JSON. */
export function documentV2ToJson(document: DocumentV2): object {
  return {
    swagger: "2.0",
    info: { title: document.title, version: document.version },
    paths: mapObject(document.paths, pathToJson),
    definitions: mapObject(document.definitions, schemaToJson),
  };
}

function pathToJson({ operations, parameters }: PathV2): object {
  return {
    ...mapObject(operations, operationToJson),
    parameters: parameters.map(parameterToJson),
  };
}

function operationToJson({ response, extensions, parameters, ...rest }: OperationV2): object {
  return {
    ...rest,
    parameters: parameters.map(parameterToJson),
    responses: { 200: { description: "OK", schema: schemaToJson(response) } },
    ...extensions,
  };
}

function parameterToJson({ schema, ...rest }: ParameterV2): object {
  return schema === undefined
    ? { ...rest, type: "string", uniqueItems: true }
    : { ...rest, schema: schemaToJson(schema) };
}

export function schemaToJson(schema: SchemaV2): object {
  const { extensions, items, properties, additionalProperties, ...rest } = schema;
  return {
    ...rest,
    ...(items === undefined ? {} : { items: schemaToJson(items) }),
    ...(properties === undefined ? {} : { properties: mapObject(properties, schemaToJson) }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: schemaToJson(additionalProperties) }
      : {}),
    ...extensions,
  };
}

function mapObject<T>(
  object: Readonly<Record<string, T>>,
  map: (value: T) => object,
): Record<string, object> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}
