/** Pings that go on while a test does something, and what was lost meanwhile. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { argvInDevice } from "@heddle/lab";
import type { LabFixture } from "./lab-fixture.ts";

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly exit: number | null;
}

/** For the first answer. */
const answerLimitMs = 5_000;

/**
 * Pings from a device until `during` has ended, which begins with the first answer; the result
 * counts what was lost.
 */
export async function pingDuring(
  fixture: LabFixture,
  device: string,
  address: string,
  intervalMs: number,
  during: () => Promise<void>,
): Promise<PingResult> {
  const argv = ["ping", "-n", "-i", String(intervalMs / 1000), "-W", "1", address];
  const { stateDir } = fixture;
  const [program, ...args] = argvInDevice(device, argv, { stateDir }) as [string, ...string[]];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  const answered = Promise.withResolvers<void>();
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.includes("bytes from")) answered.resolve();
  });
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  const patience = setTimeout(() => {
    answered.reject(new Error(`Cannot ping ${address} from ${device}: no answer: ${text}`));
  }, answerLimitMs);
  try {
    await answered.promise;
    await during();
  } finally {
    clearTimeout(patience);
    child.kill("SIGINT");
  }
  const code = await exit;
  const match = /(\d+) packets transmitted, (\d+) received/.exec(text);
  assert.notEqual(match, null, text);
  return { sent: Number(match?.[1]), received: Number(match?.[2]), exit: code };
}
