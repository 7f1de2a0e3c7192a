import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { parseLease, parseListen } from "./config.ts";

for (const [text, wanted] of [
  ["127.0.0.1:9741", { host: "127.0.0.1", port: 9741 }],
  ["[::1]:0", { host: "::1", port: 0 }],
] as const) {
  test(`parseListen(${text})`, () => assert.deepEqual(parseListen(text), wanted));
}

for (const [text, message] of [
  ["", /want ADDRESS:PORT or/],
  ["9741", /want ADDRESS:PORT or/],
  ["::1:9741", /want ADDRESS:PORT or/],
  ["127.0.0.1:65536", /port 65536, want at most 65535/],
  ["localhost:9741", /Cannot parse IPv4 address "localhost"/],
] as const) {
  test(`parseListen() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseListen(text), { message });
  });
}

test("parseLease() takes a namespace and a name", () => {
  assert.deepEqual(parseLease("kube-system/x"), { namespace: "kube-system", name: "x" });
  for (const text of ["", "x", "a/b/c", "/x", "A/b"]) {
    assert.throws(() => parseLease(text), { message: /want NAMESPACE\/NAME/ });
  }
});

test("a start that cannot work is one line and exit code 1", async () => {
  const main = path.join(import.meta.dirname, "main.ts");
  const run = (...args: readonly string[]): Promise<readonly [unknown, string]> =>
    new Promise((resolve) => {
      const env = { ...process.env, KUBECONFIG: "" };
      execFile(process.execPath, [main, ...args], { env }, (error, _stdout, stderr) =>
        resolve([error === null ? 0 : error.code, stderr]),
      );
    });
  const [code, stderr] = await run("--kubeconfig", "/nonexistent");
  assert.equal(code, 1);
  assert.match(stderr, /^heddle-controller: Cannot use kubeconfig \/nonexistent: ENOENT.*\n$/);
  const [usageCode, usage] = await run("--kubeconfig", "x", "--lease", "y");
  assert.equal(usageCode, 1);
  assert.match(usage, /^error: option '--lease .*want NAMESPACE\/NAME\n$/);
});
