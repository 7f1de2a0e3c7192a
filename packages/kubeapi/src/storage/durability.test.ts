import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { configMapKind } from "@heddle/api";
import { seededRng } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { openSqliteStore } from "./sqlite-store.ts";

const writer = path.join(import.meta.dirname, "testing/kill-writer.ts");
const roundCount = 6;

/**
 * Runs the writer until it has acknowledged `count` writes, kills it, returns all it acknowledged.
 */
async function writeAndKill(
  file: string,
  first: number,
  count: number,
): Promise<Map<string, string>> {
  const child = spawn(process.execPath, [writer, file, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (chunk: string) => {
    text += chunk;
    if (text.split("\n").length > count) child.kill("SIGKILL");
  });
  await once(child, "close");
  assert.equal(child.signalCode, "SIGKILL");
  const lines = text.split("\n").slice(0, -1);
  return new Map(lines.map((line) => line.split(" ") as [string, string]));
}

test("kill -9 during writes loses nothing acknowledged", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "heddle-kill-"));
  try {
    const file = path.join(folder, "objects.db");
    const acknowledged = new Map<string, string>();
    const rng = seededRng(7);
    for (let round = 0; round < roundCount; round += 1) {
      const count = 1 + (rng.uint32() % 400);
      const seen = await writeAndKill(file, round * 1_000_000, count);
      for (const [name, revision] of seen) acknowledged.set(name, revision);
    }
    const onFailure = (error: Error): never => assert.fail(error);
    await using store = openSqliteStore({
      path: file,
      clock: systemClock,
      rng: systemRng,
      onFailure,
    });
    const { items } = await store.list(configMapKind);
    const found = new Map(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    const lost = [...acknowledged].filter(([name, revision]) => found.get(name) !== revision);
    assert.deepEqual(lost, []);
    assert.ok(acknowledged.size > roundCount, `${acknowledged.size} writes were acknowledged`);
    const revisions = items.map(({ metadata }) => Number(metadata.resourceVersion));
    assert.equal(new Set(revisions).size, items.length);
    assert.ok(Math.max(...revisions) <= store.revision);
  } finally {
    await rm(folder, { recursive: true });
  }
});
