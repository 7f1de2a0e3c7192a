/** Asks an agent over its admin socket. */
import http from "node:http";
import { CliError } from "./exit.ts";

const answerBytesMax = 64 * 1024 * 1024;
const timeoutMs = 10_000;

/** @throws CliError when the agent cannot be reached, refuses, or answers something else */
export async function askAgent<T>(socketPath: string, path: string): Promise<T> {
  const { status, text } = await get(socketPath, path).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(`Cannot ask the agent at ${socketPath}: ${why}`, 3, error);
  });
  if (status !== 200) {
    throw new CliError(`the agent at ${socketPath} refused: ${messageOf(text)}`);
  }
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new CliError(`the agent at ${socketPath} answered ${shown}, want JSON`, 3, error);
  }
}

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

function get(socketPath: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path, timeout: timeoutMs }, (response) => {
      const status = response.statusCode;
      textOf(response).then((text) => resolve({ status, text }), reject);
    });
    request.on("timeout", () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    request.on("error", reject);
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
