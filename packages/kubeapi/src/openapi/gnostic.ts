/**
 * The messages of gnostic's openapi.v2 (github.com/google/gnostic openapiv2/OpenAPIv2.proto) that
 * our document needs, written as a protobufjs descriptor. Field numbers are those of the .proto
 * file.
 */
import protobuf from "protobufjs/light.js";

/** A field: type and number, with `*` before a repeated type. */
type Fields = Readonly<Record<string, readonly [type: string, id: number]>>;

const messages: Readonly<Record<string, Fields>> = {
  Document: {
    swagger: ["string", 1],
    info: ["Info", 2],
    paths: ["Paths", 8],
    definitions: ["Definitions", 9],
  },
  Info: { title: ["string", 1], version: ["string", 2] },
  Paths: { path: ["*NamedPathItem", 2] },
  NamedPathItem: { name: ["string", 1], value: ["PathItem", 2] },
  PathItem: {
    get: ["Operation", 2],
    put: ["Operation", 3],
    post: ["Operation", 4],
    delete: ["Operation", 5],
    patch: ["Operation", 8],
    parameters: ["*ParametersItem", 9],
  },
  Operation: {
    description: ["string", 3],
    operationId: ["string", 5],
    produces: ["*string", 6],
    consumes: ["*string", 7],
    parameters: ["*ParametersItem", 8],
    responses: ["Responses", 9],
    vendorExtension: ["*NamedAny", 13],
  },
  ParametersItem: { parameter: ["Parameter", 1] },
  Parameter: { bodyParameter: ["BodyParameter", 1], nonBodyParameter: ["NonBodyParameter", 2] },
  BodyParameter: {
    description: ["string", 1],
    name: ["string", 2],
    in: ["string", 3],
    required: ["bool", 4],
    schema: ["Schema", 5],
  },
  NonBodyParameter: {
    queryParameterSubSchema: ["QueryParameterSubSchema", 3],
    pathParameterSubSchema: ["PathParameterSubSchema", 4],
  },
  QueryParameterSubSchema: {
    required: ["bool", 1],
    in: ["string", 2],
    description: ["string", 3],
    name: ["string", 4],
    type: ["string", 6],
    uniqueItems: ["bool", 20],
  },
  PathParameterSubSchema: {
    required: ["bool", 1],
    in: ["string", 2],
    description: ["string", 3],
    name: ["string", 4],
    type: ["string", 5],
    uniqueItems: ["bool", 19],
  },
  Responses: { responseCode: ["*NamedResponseValue", 1] },
  NamedResponseValue: { name: ["string", 1], value: ["ResponseValue", 2] },
  ResponseValue: { response: ["Response", 1] },
  Response: { description: ["string", 1], schema: ["SchemaItem", 2] },
  SchemaItem: { schema: ["Schema", 1] },
  Definitions: { additionalProperties: ["*NamedSchema", 1] },
  Properties: { additionalProperties: ["*NamedSchema", 1] },
  NamedSchema: { name: ["string", 1], value: ["Schema", 2] },
  Schema: {
    ref: ["string", 1],
    format: ["string", 2],
    description: ["string", 4],
    default: ["Any", 5],
    maximum: ["double", 7],
    minimum: ["double", 9],
    maxLength: ["int64", 11],
    minLength: ["int64", 12],
    pattern: ["string", 13],
    maxItems: ["int64", 14],
    minItems: ["int64", 15],
    required: ["*string", 19],
    enum: ["*Any", 20],
    additionalProperties: ["AdditionalPropertiesItem", 21],
    type: ["TypeItem", 22],
    items: ["ItemsItem", 23],
    properties: ["Properties", 25],
    vendorExtension: ["*NamedAny", 31],
  },
  AdditionalPropertiesItem: { schema: ["Schema", 1], boolean: ["bool", 2] },
  TypeItem: { value: ["*string", 1] },
  ItemsItem: { schema: ["*Schema", 1] },
  NamedAny: { name: ["string", 1], value: ["Any", 2] },
  Any: { yaml: ["string", 2] },
};

function descriptorOf(fields: Fields): protobuf.IType {
  const entries = Object.entries(fields).map(([name, [type, id]]): [string, protobuf.IField] => {
    const isRepeated = type.startsWith("*");
    return [name, isRepeated ? { rule: "repeated", type: type.slice(1), id } : { type, id }];
  });
  return { fields: Object.fromEntries(entries) };
}

const root = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(messages).map(([name, fields]) => [name, descriptorOf(fields)]),
  ),
});

/** The message openapi.v2.Document. */
export const documentMessage: protobuf.Type = root.lookupType("Document");
