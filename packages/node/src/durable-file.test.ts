import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { replaceFile } from "./durable-file.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heddle-durable-"));
after(() => rmSync(folder, { recursive: true }));

test("replaceFile() puts the new file in place, for its owner, and what is appended follows", async () => {
  const file = path.join(folder, "state");
  for (const text of ["first, and longer\n", "second\n"]) {
    await using handle = await replaceFile(file, text);
    await handle.appendFile("more\n");
    assert.equal(readFileSync(file, "utf8"), `${text}more\n`);
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["state"]);
});

test("replaceFile() that fails leaves what was there, and nothing else", async () => {
  const taken = path.join(folder, "directory");
  mkdirSync(taken);
  await assert.rejects(replaceFile(taken, "text"), { code: "EISDIR" });
  assert.deepEqual(readdirSync(folder).sort(), ["directory", "state"]);
  await assert.rejects(replaceFile(path.join(folder, "none", "state"), ""), { code: "ENOENT" });
});
