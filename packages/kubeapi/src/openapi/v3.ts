/**
 * OpenAPI v3: an index, and one document per group and version, which kubectl asks for since 1.27.
 */
import { createHash } from "node:crypto";
import { apiVersionOf, heddleGroup, type JsonSchema, type ResourceKind } from "@heddle/api";
import { type GroupVersion, groupVersions, kindsOf } from "../discovery/resources.ts";
import { patchTypes } from "../patch/apply-patch.ts";
import {
  definitionName,
  groupVersionKind,
  kindPaths,
  metaDefinitions,
  metaPrefix,
  versionPath,
  writeParameters,
} from "./definitions.ts";
import { operationId } from "./v2.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * `GET /openapi/v3`. The hash in each URL changes with the document, so that clients may cache it.
 */
export function openApiV3Index(version: string): object {
  const entries = groupVersions().map((each) => {
    const text = JSON.stringify(openApiV3(each, version));
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 32).toUpperCase();
    const path = versionPath(each).slice(1);
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }];
  });
  return { paths: Object.fromEntries(entries) };
}

/** `GET /openapi/v3/<path of the version>`; undefined when there is no such version. */
export function openApiV3(wanted: GroupVersion, version: string): object | undefined {
  const kinds = kindsOf(wanted).map((served) => served.kind);
  if (kinds.length === 0) return undefined;
  const metas = Object.entries(metaDefinitions).map(([name, schema]) => [
    `${metaPrefix}.${name}`,
    schemaV3(schema),
  ]);
  const schemas = kinds.flatMap((kind) => [
    [definitionName(kind), kindSchema(kind)],
    [`${definitionName(kind)}List`, listSchema(kind)],
  ]);
  return {
    openapi: "3.0.0",
    info: { title: `Heddle ${apiVersionOf(wanted)}`, version },
    paths: Object.fromEntries(kinds.flatMap(pathsOf)),
    components: { schemas: Object.fromEntries([...schemas, ...metas]) },
  };
}

function refV3(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function kindSchema(kind: ResourceKind): Json {
  const schema = schemaV3(kind.schema);
  const metadata = {
    description: "Standard object metadata.",
    default: {},
    allOf: [refV3(`${metaPrefix}.ObjectMeta`)],
  };
  const properties = Object.fromEntries(
    Object.entries(propertiesOf(kind.schema)).map(([name, field]) => [name, schemaV3(field)]),
  );
  return {
    ...schema,
    properties: { ...properties, metadata },
    "x-kubernetes-group-version-kind": [groupVersionKind(kind)],
  };
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return schema.properties === undefined ? {} : schema.properties;
}

function listSchema(kind: ResourceKind): Json {
  return {
    type: "object",
    description: `A list of ${kind.kind} objects.`,
    required: ["items"],
    properties: {
      apiVersion: { type: "string", description: "Version of the schema of this object." },
      kind: { type: "string", description: "Kind of this object." },
      metadata: {
        description: "Metadata of the list.",
        default: {},
        allOf: [refV3(`${metaPrefix}.ListMeta`)],
      },
      items: { type: "array", description: "The objects.", items: refV3(definitionName(kind)) },
    },
    "x-kubernetes-group-version-kind": [{ ...groupVersionKind(kind), kind: kind.listKind }],
  };
}

/** A schema in the words of OpenAPI v3.0. */
export function schemaV3(schema: JsonSchema): Json {
  const { properties, items, additionalProperties, format, ...rest } = schema;
  if (schema["x-kubernetes-int-or-string"] === true) {
    const oneOf = [{ type: "integer" }, { type: "string" }];
    return { description: schema.description, format: "int-or-string", oneOf };
  }
  if (format === "quantity") {
    return { description: schema.description, oneOf: [{ type: "string" }, { type: "number" }] };
  }
  return {
    ...rest,
    ...(format === undefined ? {} : { format }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, field]) => [name, schemaV3(field)]),
          ),
        }),
    ...(items === undefined ? {} : { items: schemaV3(items) }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: schemaV3(additionalProperties) }
      : {}),
  };
}

function pathsOf(kind: ResourceKind): [string, Json][] {
  const { all, one } = kindPaths(kind);
  const scope = kind.namespaced ? [pathParameter("namespace")] : [];
  const body = { content: { "application/json": { schema: refV3(definitionName(kind)) } } };
  return [
    [
      all,
      {
        get: operation(kind, "list", {}),
        post: operation(kind, "post", { parameters: writeQuery, requestBody: body }),
        parameters: scope,
      },
    ],
    [
      one,
      {
        get: operation(kind, "get", {}),
        put: operation(kind, "put", { parameters: writeQuery, requestBody: body }),
        patch: operation(kind, "patch", { parameters: patchQuery, requestBody: patchBody(kind) }),
        delete: operation(kind, "delete", { parameters: writeQuery }),
        parameters: [pathParameter("name"), ...scope],
      },
    ],
  ];
}

/**
 * kubectl apply computes strategic merge patches for kinds that announce them here. Ours are
 * patched as custom resources are, by merge patch; strategic ones are taken nevertheless.
 */
function patchBody(kind: ResourceKind): Json {
  const announced = patchTypes.filter(
    (type) => kind.group !== heddleGroup || type !== "application/strategic-merge-patch+json",
  );
  const schema = refV3(`${metaPrefix}.Patch`);
  return {
    required: true,
    content: Object.fromEntries(announced.map((type) => [type, { schema }])),
  };
}

const writeQuery: readonly Json[] = writeParameters.map(([name, description]) =>
  queryParameter(name, description, "string"),
);
const patchQuery: readonly Json[] = [
  ...writeQuery,
  queryParameter("force", "Take fields over from other managers.", "boolean"),
];

function queryParameter(name: string, description: string, type: string): Json {
  return { name, in: "query", description, schema: { type, uniqueItems: true } };
}

function pathParameter(name: string): Json {
  return {
    name,
    in: "path",
    required: true,
    description: `The ${name} of the object.`,
    schema: { type: "string", uniqueItems: true },
  };
}

function operation(kind: ResourceKind, action: string, more: Json): Json {
  const answer = `${definitionName(kind)}${action === "list" ? "List" : ""}`;
  return {
    operationId: operationId(kind, action),
    description: `${action} ${kind.plural}`,
    ...more,
    responses: {
      200: { description: "OK", content: { "application/json": { schema: refV3(answer) } } },
    },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": groupVersionKind(kind),
  };
}
