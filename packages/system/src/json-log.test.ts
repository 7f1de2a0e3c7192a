import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { test } from "node:test";

const logging = JSON.stringify(path.join(import.meta.dirname, "json-log.ts"));

/** What a program writes that makes a `log` and runs these lines; the log goes to its stderr. */
function linesOf(program: string): Record<string, unknown>[] {
  const source = `import { createLog } from ${logging};
const log = createLog("info", { node: "n1" });
${program}`;
  const args = ["--input-type=module", "--eval", source];
  const { stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(stdout, "");
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("a line is one JSON object with the node, the time and the fields", () => {
  const [line, ...more] = linesOf(`log.debug("below the level");
    log.with({ peer: "leaf1" }).warn("it went down", { holdTimeMs: 9000 });`);
  assert.deepEqual(more, []);
  const { time, ...rest } = line as Record<string, unknown>;
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  const want = { level: "warn", node: "n1", peer: "leaf1", holdTimeMs: 9000, msg: "it went down" };
  assert.deepEqual(rest, want);
});

test("an error is written with its message, stack and cause", () => {
  const [line] = linesOf(`const cause = new Error("inner");
    log.error("it failed", { error: new TypeError("outer", { cause }) });`);
  assert.ok(line !== undefined);
  const { type, message, stack } = line["error"] as Record<string, string>;
  assert.deepEqual([type, message], ["TypeError", "outer: inner"]);
  assert.match(String(stack), /TypeError: outer.*caused by: Error: inner/s);
});

test("no secret reaches the log", () => {
  const secret = "s3cret-of-the-peer";
  const text = JSON.stringify(
    linesOf(`const secret = ${JSON.stringify(secret)};
    log.info("a", { password: secret, token: secret, md5: secret });
    log.info("b", { peer: { md5: secret, password: secret }, access: { token: secret } });
    log.info("c", { secret: { data: { key: secret } }, bgp: { a: { b: { md5: secret } } } });
    log.info("d", { config: { peers: [{ md5: secret }], gracefulRestart: true } });
    log.with({ token: secret }).info("e");
    log.with({ peer: { md5: secret } }).info("f");
    log.error("g", { error: Object.assign(new Error("x"), { password: secret }) });`),
  );
  assert.equal(text.includes(secret), false, text);
  assert.equal(text.split('"msg":').length - 1, 7);
});
