import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { isStatus } from "./status-error.ts";
import { linesOf } from "./watch-lines.ts";

async function read(chunks: readonly Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(chunks))) lines.push(line);
  return lines;
}

test("linesOf() joins lines over any split of the bytes", async () => {
  const line = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .map((text) => `<${text.replaceAll("\n", "")}>`);
  const cuts = fc.array(fc.nat(200), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), cuts, async (lines, at) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
      const edges = [
        0,
        ...at.filter((cut) => cut < bytes.length).sort((a, b) => a - b),
        bytes.length,
      ];
      const chunks = edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
      assert.deepEqual(await read(chunks), lines);
    }),
  );
});

test("linesOf() skips empty lines and drops an unfinished last one", async () => {
  assert.deepEqual(await read([Buffer.from("\n\r\na\r\n\nb\nunfini")]), ["a", "b"]);
});

test("linesOf() refuses a line without end", async () => {
  const chunk = Buffer.alloc(1024 * 1024, 0x61);
  const endless = Array.from({ length: 9 }, () => chunk);
  await assert.rejects(read(endless), (error) => isStatus(error, "RequestEntityTooLarge"));
});
