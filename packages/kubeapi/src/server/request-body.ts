/** Reads bodies up to a limit. */
import type { IncomingMessage } from "node:http";
import { StatusError } from "@heddle/kube";

const discardBytesMax = 32 * 1024 * 1024;
const discardMsMax = 5_000;

/** @throws StatusError RequestEntityTooLarge, BadRequest when the client breaks off */
export async function readRequestBody(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Uint8Array> {
  const announced = Number(request.headers["content-length"]);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // A refused request still gets its answer, so leaving the loop must not close the connection.
    const pieces: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
    for await (const chunk of pieces) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw new StatusError("BadRequest", "Cannot read body: the request broke off", {
      cause: error,
    });
  }
  return Buffer.concat(chunks, bytes);
}

/**
 * Throws away what is left of a body that nobody will read, so that the client can finish and then
 * reads its answer instead of a reset. Resolves when it is all gone, or is more or slower than that
 * is worth; the connection is closed then.
 */
export function discardRest(request: IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  const timer = setTimeout(() => request.destroy(), discardMsMax);
  const finish = (): void => {
    clearTimeout(timer);
    resolve();
  };
  request.once("end", finish);
  request.once("close", finish);
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > discardBytesMax) request.destroy();
  });
  return promise;
}

function tooLarge(bytesMax: number): StatusError {
  const message = `Request entity too large: limit is ${bytesMax}`;
  return new StatusError("RequestEntityTooLarge", message);
}
