/**
 * Objects in Kubernetes' protocol buffers: the four bytes `k8s\0`, then a message runtime.Unknown
 * that carries apiVersion and kind (1) and the object's own message (2).
 */

import { StatusError } from "@heddle/kube";
import protobuf from "protobufjs/minimal.js";
import { type Field, type FieldType, type Message, messages } from "./messages.ts";

export const protobufMediaType = "application/vnd.kubernetes.protobuf";

type Json = Record<string, unknown>;

const magic = [0x6b, 0x38, 0x73, 0x00];
const depthMax = 32;
const wireVarint = 0;
const wireBytes = 2;

/** @throws StatusError BadRequest, UnsupportedMediaType for what has to be sent as JSON */
export function decodeObject(bytes: Uint8Array): Json {
  if (!magic.every((byte, i) => bytes[i] === byte)) throw malformed("it does not begin with k8s");
  try {
    return decodeUnknown(bytes.subarray(magic.length));
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw malformed(error instanceof Error ? error.message : String(error), error);
  }
}

function decodeUnknown(bytes: Uint8Array): Json {
  const typeMeta: Message = {
    1: { name: "apiVersion", type: "string" },
    2: { name: "kind", type: "string" },
  };
  const envelope: Message = {
    1: { name: "typeMeta", type: { message: typeMeta }, hasPresence: true },
    2: { name: "raw", type: "bytes" },
    3: { name: "contentEncoding", type: "string" },
    4: { name: "contentType", type: "ignored" },
  };
  const unknown = decodeMessage(envelope, bytes, "Unknown", 0);
  const type = unknown["typeMeta"];
  const { apiVersion, kind } = (type === undefined ? {} : type) as Json;
  const message = messages.get(`${apiVersion} ${kind}`);
  if (message === undefined || unknown["contentEncoding"] !== undefined) {
    throw useJson(`a ${apiVersion} ${kind}`);
  }
  const raw = unknown["raw"];
  const body = typeof raw === "string" ? Buffer.from(raw, "base64") : new Uint8Array();
  return { apiVersion, kind, ...decodeMessage(message, body, String(kind), 0) };
}

function decodeMessage(message: Message, bytes: Uint8Array, path: string, depth: number): Json {
  if (depth > depthMax) throw malformed(`deeper than ${depthMax} levels`);
  const reader = protobuf.Reader.create(bytes);
  const result: Json = {};
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const wire = tag & 7;
    const known = message[tag >>> 3];
    if (known === undefined) refuseUnlessEmpty(reader, wire, `${path} field ${tag >>> 3}`);
    else decodeField(result, known, reader, wire, `${path}.${known.name}`, depth);
  }
  return result;
}

/** Fields that are sent always and mean nothing when zero may be unknown here. */
function refuseUnlessEmpty(reader: protobuf.Reader, wire: number, path: string): void {
  const isEmpty =
    (wire === wireVarint && Number(reader.int64()) === 0) ||
    (wire === wireBytes && reader.bytes().length === 0);
  if (!isEmpty) throw useJson(path);
}

function decodeField(
  into: Json,
  field: Field,
  reader: protobuf.Reader,
  wire: number,
  path: string,
  depth: number,
): void {
  const { name, type } = field;
  if (type === "ignored") {
    reader.skipType(wire);
    return;
  }
  if (type === "integer" || type === "boolean") {
    if (wire !== wireVarint) throw malformed(`${path} has wire type ${wire}, want ${wireVarint}`);
    const number = Number(reader.int64());
    if (number !== 0 || field.hasPresence) into[name] = type === "integer" ? number : number !== 0;
    return;
  }
  if (wire !== wireBytes) throw malformed(`${path} has wire type ${wire}, want ${wireBytes}`);
  addValue(into, field, reader.bytes(), path, depth);
}

function addValue(into: Json, field: Field, bytes: Uint8Array, path: string, depth: number): void {
  const { name, type } = field;
  switch (type) {
    case "strings":
      into[name] = [...listIn(into, name), text(bytes)];
      return;
    case "stringMap":
    case "bytesMap":
    case "quantityMap":
      into[name] = { ...mapIn(into, name), ...mapEntry(type, bytes, path, depth) };
      return;
  }
  if (typeof type === "object" && "list" in type) {
    into[name] = [...listIn(into, name), decodeMessage(type.list, bytes, path, depth + 1)];
    return;
  }
  const value = singleValue(type, bytes, path, depth);
  if (field.hasPresence === true || !isZero(value)) into[name] = value;
}

function singleValue(type: FieldType, bytes: Uint8Array, path: string, depth: number): unknown {
  if (typeof type === "object" && "message" in type) {
    return decodeMessage(type.message, bytes, path, depth + 1);
  }
  switch (type) {
    case "string":
      return text(bytes);
    case "bytes":
      return Buffer.from(bytes).toString("base64");
    case "time":
      return timeText(bytes, path, depth);
    case "quantity":
      return decodeMessage({ 1: { name: "text", type: "string" } }, bytes, path, depth + 1)["text"];
    case "intOrString":
      return intOrString(bytes, path, depth);
    default:
      throw malformed(`${path} has bytes where none belong`);
  }
}

/** IntOrString{type=1, intVal=2, strVal=3}: type 0 is the number. */
function intOrString(bytes: Uint8Array, path: string, depth: number): unknown {
  const fields: Message = {
    1: { name: "type", type: "integer", hasPresence: true },
    2: { name: "number", type: "integer", hasPresence: true },
    3: { name: "text", type: "string", hasPresence: true },
  };
  const { type, number, text } = decodeMessage(fields, bytes, path, depth + 1);
  // A zero number is what an absent field looks like.
  return type === 1 ? text : number === 0 ? undefined : number;
}

/** Time{seconds=1}; an empty message is no time. */
function timeText(bytes: Uint8Array, path: string, depth: number): string | undefined {
  const fields: Message = {
    1: { name: "seconds", type: "integer", hasPresence: true },
    2: { name: "nanos", type: "ignored" },
  };
  const { seconds } = decodeMessage(fields, bytes, path, depth + 1);
  if (typeof seconds !== "number") return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw malformed(`${path} is no time`);
  return `${date.toISOString().slice(0, 19)}Z`;
}

function mapEntry(
  type: "stringMap" | "bytesMap" | "quantityMap",
  bytes: Uint8Array,
  path: string,
  depth: number,
): Json {
  const valueTypes = { stringMap: "string", bytesMap: "bytes", quantityMap: "quantity" } as const;
  const fields: Message = {
    1: { name: "key", type: "string", hasPresence: true },
    2: { name: "value", type: valueTypes[type], hasPresence: true },
  };
  const { key = "", value = "" } = decodeMessage(fields, bytes, path, depth + 1);
  return Object.fromEntries([[key, value]]);
}

function isZero(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === "" || value === 0 || value === false;
}

function listIn(into: Json, name: string): readonly unknown[] {
  const value = into[name];
  return Array.isArray(value) ? value : [];
}

function mapIn(into: Json, name: string): object {
  const value = into[name];
  return typeof value === "object" && value !== null ? value : {};
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function malformed(why: string, cause?: unknown): StatusError {
  return new StatusError("BadRequest", `Cannot read protobuf body: ${why.slice(0, 200)}`, {
    cause,
  });
}

function useJson(what: string): StatusError {
  const message = `Cannot read protobuf body: ${what} is not read from it, want application/json`;
  return new StatusError("UnsupportedMediaType", message);
}
