/** Asks an agent or a route server over its admin socket. */
import http from "node:http";
import { CliError, exitCodes } from "./exit.ts";

const answerBytesMax = 64 * 1024 * 1024;
const timeoutMs = 10_000;

type Method = "GET" | "POST";

/**
 * @throws CliError when the agent cannot be reached, refuses, or answers something else; with the
 *   exit code of a failed verdict when what is asked for is not there
 */
export async function askAgent<T>(
  socketPath: string,
  path: string,
  method: Method = "GET",
): Promise<T> {
  const response = await open(socketPath, path, method).catch(unreachable(socketPath));
  const text = await textOf(response).catch(unreachable(socketPath));
  refuseUnlessOk(socketPath, response.statusCode, text);
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new CliError(`the agent at ${socketPath} answered ${shown}, want JSON`, 3, error);
  }
}

/** The answer as it comes. @throws CliError as `askAgent`, before the first piece */
export async function streamFromAgent(
  socketPath: string,
  path: string,
  method: Method,
): Promise<AsyncIterable<Uint8Array>> {
  const response = await open(socketPath, path, method).catch(unreachable(socketPath));
  if (response.statusCode !== 200) {
    const text = await textOf(response).catch(unreachable(socketPath));
    refuseUnlessOk(socketPath, response.statusCode, text);
  }
  // From here on there may be nothing to say for a long time.
  response.socket.setTimeout(0);
  return response;
}

function unreachable(socketPath: string): (error: unknown) => never {
  return (error) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`Cannot ask the agent at ${socketPath}: ${why}`, 3, error);
  };
}

function refuseUnlessOk(socketPath: string, status: number | undefined, text: string): void {
  if (status === 200) return;
  const exitCode = status === 404 ? exitCodes.verdictFailed : exitCodes.unavailable;
  throw new CliError(`the agent at ${socketPath} refused: ${messageOf(text)}`, exitCode);
}

/** Resolves with the head of the answer. */
function open(socketPath: string, path: string, method: Method): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { socketPath, path, method, timeout: timeoutMs };
    const request = http.request(options, resolve);
    request.on("timeout", () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    request.on("error", reject);
    request.end();
  });
}

async function textOf(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > answerBytesMax) {
      throw new Error(`the answer is longer than ${answerBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}
