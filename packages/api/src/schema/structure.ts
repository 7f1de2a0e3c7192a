/**
 * Structural validation by ajv, with errors in the words of Kubernetes' field.Error. Schemas are
 * compiled once each, when first used.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { duplicate, invalid, notSupported, required, tooMany } from "../field-error.ts";
import type { FieldError, JsonSchema } from "../kind.ts";
import { formats } from "./formats.ts";

/** Errors of one object that are shown; more say nothing new. */
const errorsMax = 20;

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  strict: false,
  addUsedSchema: false,
  logger: false,
});
for (const [name, check] of formats) ajv.addFormat(name, (text) => check(text) === undefined);
for (const name of ["int32", "int64", "double", "byte"]) ajv.addFormat(name, true);

const compiled = new WeakMap<JsonSchema, ValidateFunction>();

/** What ajv finds wrong with `value`. */
export function structuralErrors(schema: JsonSchema, value: unknown): FieldError[] {
  const check = compileSchema(schema);
  if (check(value)) return [];
  const errors = check.errors === null || check.errors === undefined ? [] : check.errors;
  return errors.slice(0, errorsMax).map(fieldErrorOf);
}

/** Takes up to 0.2 s for the schema of a pod; servers call it before they serve. */
export function compileSchema(schema: JsonSchema): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const check = ajv.compile(plainSchema(schema));
  compiled.set(schema, check);
  return check;
}

/**
 * The schema without descriptions and defaults, with int-or-string and nullable as JSON Schema says
 * them.
 */
function plainSchema(schema: JsonSchema): object {
  const { description: _description, default: _default, properties, items, ...rest } = schema;
  const { additionalProperties, type, nullable: _nullable, ...rules } = rest;
  const types = typesOf(schema);
  return {
    ...rules,
    ...(types.length === 0 ? {} : { type: types }),
    ...(properties === undefined ? {} : { properties: mapValues(properties, plainSchema) }),
    ...(items === undefined ? {} : { items: plainSchema(items) }),
    ...(typeof additionalProperties === "object"
      ? { additionalProperties: plainSchema(additionalProperties) }
      : {}),
    ...(schema["x-kubernetes-list-type"] === "set" ? { uniqueItems: true } : {}),
  };
}

function typesOf(schema: JsonSchema): string[] {
  if (schema["x-kubernetes-int-or-string"] === true) return ["integer", "string"];
  if (schema.format === "quantity") return ["number", "string"];
  if (schema.type === undefined) return [];
  return schema.nullable === true ? [schema.type, "null"] : [schema.type];
}

function mapValues(
  record: Readonly<Record<string, JsonSchema>>,
  map: (schema: JsonSchema) => object,
): Record<string, object> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

type Converter = (path: string, error: ErrorObject) => FieldError;

const converters: Readonly<Record<string, Converter>> = {
  required: (path, { params }) =>
    required(joinField(path, String(params["missingProperty"])), "is missing"),
  type: (path, { data, params }) => typeError(path, data, [params["type"]].flat().map(String)),
  enum: (path, { data, params }) => notSupported(path, data, params["allowedValues"]),
  format: (path, { data, params }) => {
    const reason = formats.get(String(params["format"]))?.(String(data));
    return invalid(path, data, reason === undefined ? "has the wrong form" : reason);
  },
  pattern: (path, { data, params }) => invalid(path, data, `want the form ${params["pattern"]}`),
  minimum: (path, { data, parentSchema }) => rangeError(path, data, parentSchema),
  maximum: (path, { data, parentSchema }) => rangeError(path, data, parentSchema),
  minLength: (path, { data, params }) =>
    params["limit"] === 1
      ? required(path, "is empty")
      : invalid(path, data, `want at least ${params["limit"]} characters`),
  maxLength: (path, { data, params }) =>
    invalid(path, data, `want at most ${params["limit"]} characters`),
  minItems: (path, { params }) => required(path, `want at least ${params["limit"]}`),
  maxItems: (path, { data, params }) => tooMany(path, lengthOf(data), Number(params["limit"])),
  uniqueItems: (path, { data, params }) => {
    const index = Math.max(Number(params["i"]), Number(params["j"]));
    return duplicate(`${path}[${index}]`, Array.isArray(data) ? data[index] : data);
  },
};

function fieldErrorOf(error: ErrorObject): FieldError {
  const path = pathOf(error.instancePath);
  const convert = converters[error.keyword];
  if (convert !== undefined) return convert(path, error);
  return invalid(path, error.data, error.message === undefined ? error.keyword : error.message);
}

function typeError(path: string, found: unknown, types: readonly string[]): FieldError {
  const wanted = types.join(" or ");
  const is = found === null ? "null" : Array.isArray(found) ? "array" : typeof found;
  return invalid(path, found, `is ${is === "number" ? "a number" : is}, want ${wanted}`);
}

function rangeError(path: string, found: unknown, schema: unknown): FieldError {
  const { minimum, maximum } = schema as JsonSchema;
  if (maximum === undefined) return invalid(path, found, `want at least ${minimum}`);
  if (minimum === undefined) return invalid(path, found, `want at most ${maximum}`);
  return invalid(path, found, `want ${minimum} to ${maximum}`);
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

/** JSON pointer to field path: `/spec/cidrs/0` to `spec.cidrs[0]`, label keys in brackets. */
function pathOf(pointer: string): string {
  let path = "";
  for (const token of pointer.split("/").slice(1)) {
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (/^\d+$/.test(name)) path += `[${name}]`;
    else if (/^[A-Za-z][A-Za-z0-9]*$/.test(name)) path = joinField(path, name);
    else path += `[${name}]`;
  }
  return path;
}

function joinField(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
