/** Writes replies to sockets. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { ApiReply } from "../rest/api-request.ts";

/** A reader of a stream that takes nothing for this long is cut off. */
const stalledMsMax = 60_000;
const warningLengthMax = 256;

/** Resolves when the reply is sent, or its client is gone. */
export async function sendReply(response: ServerResponse, reply: ApiReply): Promise<void> {
  response.statusCode = reply.status;
  response.setHeader("content-type", reply.contentType);
  response.setHeader("cache-control", "no-cache, private");
  for (const [name, value] of Object.entries(reply.headers === undefined ? {} : reply.headers)) {
    response.setHeader(name, value);
  }
  if (reply.warnings !== undefined && reply.warnings.length > 0) {
    response.setHeader("warning", reply.warnings.map(warningHeader));
  }
  const { body } = reply;
  if (typeof body === "string" || body instanceof Uint8Array) {
    response.setHeader("content-length", Buffer.byteLength(body));
    response.end(body);
    return;
  }
  response.flushHeaders();
  await pipe(response, body);
  response.end();
}

/** Lines that are ready at the same time leave in one piece of the socket. */
async function pipe(response: ServerResponse, lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) {
    if (response.destroyed) return;
    if (response.write(line)) continue;
    await drained(response);
    if (response.destroyed) return;
  }
}

async function drained(response: ServerResponse): Promise<void> {
  const timer = setTimeout(() => response.destroy(), stalledMsMax);
  try {
    await Promise.race([once(response, "drain"), once(response, "close")]);
  } finally {
    clearTimeout(timer);
  }
}

/** RFC 9111 5.5 as Kubernetes uses it: `299 - "text"`. */
function warningHeader(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&");
  return `299 - "${clean.slice(0, warningLengthMax)}"`;
}
