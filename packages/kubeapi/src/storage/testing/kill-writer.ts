/**
 * The process that the durability test kills: writes with many requests in flight and prints the
 * name and revision of each write once it is acknowledged. Arguments: database file, first number.
 */

import { writeSync } from "node:fs";
import { configMapKind } from "@heddle/api";
import { systemClock, systemRng } from "@heddle/system";

import { openSqliteStore } from "../sqlite-store.ts";

const inFlight = 16;
const standardOutput = 1;
const pause = new Int32Array(new SharedArrayBuffer(4));

async function main([path, first]: readonly string[]): Promise<void> {
  const store = openSqliteStore({
    path: String(path),
    clock: systemClock,
    rng: systemRng,
    onFailure: (error) => {
      throw error;
    },
  });
  let next = Number(first);
  const write = async (): Promise<void> => {
    for (;;) {
      const name = `m${next++}`;
      const made = await store.create(configMapKind, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace: "default" },
        data: { text: "x".repeat(500) },
      });
      tell(`${name} ${made.metadata.resourceVersion}\n`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, write));
}

/**
 * A pipe's buffer survives the writer, unlike what a stream holds back. It is full while the reader
 * is slow: then the writer waits, since nothing that was acknowledged may stay untold.
 */
function tell(line: string): void {
  for (let rest = line; rest !== ""; ) {
    try {
      rest = rest.slice(writeSync(standardOutput, rest));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

await main(process.argv.slice(2));
