/**
 * Vectors are JSON: `{ name, source, hex, value, ... }`. A string in a value that begins with a tag
 * stands for what JSON cannot say: `ip:10.0.0.1`, `mac:`, `esi:`, `prefix:`, `rd:`, `target:` (a route
 * target), `ext:` (an extended community), `bytes:0102` and `big:0x10`.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { fromHex } from "@heddle/codec";
import {
  parseEsi,
  parseIp,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
} from "@heddle/inet";
import { parseExtendedCommunity } from "../../src/packet/extended-community-text.ts";

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  ip: parseIp,
  mac: parseMac,
  esi: parseEsi,
  prefix: parsePrefix,
  rd: parseRouteDistinguisher,
  target: parseRouteTarget,
  ext: parseExtendedCommunity,
  bytes: fromHex,
  big: BigInt,
};

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const [, tag, text] = /^([a-z]+):(.*)$/.exec(value) ?? [];
  const parse = tag === undefined ? undefined : parsers[tag];
  return parse === undefined ? value : parse(text as string);
}

/** All vectors of a file beside this one; the caller knows their shape. */
export function readVectors<T>(file: string): readonly T[] {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, file), "utf8"), revive) as T[];
}
