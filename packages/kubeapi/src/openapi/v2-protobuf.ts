/**
 * The OpenAPI v2 document as protocol buffers (gnostic's openapi.v2.Document), the only form that
 * kubectl up to 1.26 asks for.
 */
import { documentMessage } from "./gnostic.ts";
import type { DocumentV2, OperationV2, ParameterV2, PathV2, SchemaV2 } from "./v2.ts";

/** The media type of the answer. */
export const openApiV2MediaType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/**
 * Whether an Accept header asks for protocol buffers. Old clients ask with an @ in the name, which
 * no media type may contain (RFC 9110 5.6.2) and their own parser refuses in an answer.
 */
export function acceptsOpenApiV2Protobuf(accept: string): boolean {
  return /application\/com\.github\.proto-openapi\.spec\.v2[.@]v1\.0\+protobuf/.test(accept);
}

export function encodeOpenApiV2(document: DocumentV2): Uint8Array {
  const message = documentMessage.fromObject({
    swagger: "2.0",
    info: { title: document.title, version: document.version },
    paths: { path: named(document.paths, pathMessage) },
    definitions: { additionalProperties: named(document.definitions, schemaMessage) },
  });
  return documentMessage.encode(message).finish();
}

function named<T>(
  record: Readonly<Record<string, T>>,
  map: (value: T) => unknown,
): readonly object[] {
  return Object.entries(record).map(([name, value]) => ({ name, value: map(value) }));
}

/** Values of any shape travel as YAML; JSON is YAML. */
function anyMessage(value: unknown): object {
  return { yaml: JSON.stringify(value) };
}

function pathMessage({ operations, parameters }: PathV2): object {
  const entries = Object.entries(operations).map(([method, each]) => [
    method,
    operationMessage(each),
  ]);
  return { ...Object.fromEntries(entries), parameters: parameters.map(parameterMessage) };
}

function operationMessage(operation: OperationV2): object {
  const { description, operationId, produces, consumes, parameters, response } = operation;
  return {
    description,
    operationId,
    produces,
    consumes,
    parameters: parameters.map(parameterMessage),
    responses: {
      responseCode: named({ 200: response }, (schema) => ({
        response: { description: "OK", schema: { schema: schemaMessage(schema) } },
      })),
    },
    vendorExtension: named(operation.extensions, anyMessage),
  };
}

function parameterMessage(parameter: ParameterV2): object {
  const { name, description, required, schema } = parameter;
  const shared = { name, description, required, in: parameter.in };
  if (schema !== undefined) {
    return { parameter: { bodyParameter: { ...shared, schema: schemaMessage(schema) } } };
  }
  const subSchema = { ...shared, type: "string", uniqueItems: true };
  const nonBodyParameter =
    parameter.in === "query"
      ? { queryParameterSubSchema: subSchema }
      : { pathParameterSubSchema: subSchema };
  return { parameter: { nonBodyParameter } };
}

function schemaMessage(schema: SchemaV2): object {
  const { $ref, items, properties, additionalProperties, extensions, type, ...rest } = schema;
  const { default: fallback, enum: values, ...plain } = rest;
  return {
    ...plain,
    ...($ref === undefined ? {} : { ref: $ref }),
    ...(type === undefined ? {} : { type: { value: [type] } }),
    ...(fallback === undefined ? {} : { default: anyMessage(fallback) }),
    ...(values === undefined ? {} : { enum: values.map(anyMessage) }),
    ...(items === undefined ? {} : { items: { schema: [schemaMessage(items)] } }),
    ...(properties === undefined
      ? {}
      : { properties: { additionalProperties: named(properties, schemaMessage) } }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: { schema: schemaMessage(additionalProperties) } }
      : {}),
    vendorExtension: named(extensions, anyMessage),
  };
}
