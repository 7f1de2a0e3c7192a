import type { Readable } from "node:stream";
import { StatusError } from "./status-error.ts";

/** Longest line: an object and what is around it. */
const lineBytesMax = 8 * 1024 * 1024;

/**
 * The lines of a stream of UTF-8, without their ends; empty ones are skipped. @throws StatusError
 * when one is too long
 */
export async function* linesOf(stream: Readable): AsyncIterable<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(parts).toString().trim();
      parts = [];
      length = 0;
      start = end + 1;
      if (line !== "") yield line;
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      length += chunk.length - start;
    }
    if (length > lineBytesMax) {
      const message = `Cannot read a watch: a line of more than ${lineBytesMax} bytes`;
      throw new StatusError("RequestEntityTooLarge", message);
    }
  }
}
