import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { parseListen } from "./listen.ts";
import { parseOptions } from "./options.ts";

const main = path.join(import.meta.dirname, "main.ts");
const flags = ["--data-dir", "d", "--tls-cert", "c", "--tls-key", "k"];
const listen = ["--listen", "127.0.0.1:1"];

for (const [argv, message] of [
  [flags, /no --listen/],
  [[...listen, "--tls-cert", "c", "--tls-key", "k"], /no --data-dir/],
  [[...listen, ...flags, "--log-level", "loud"], /log-level is loud, want debug/],
  [[...listen, ...flags, "--nope"], /Unknown option '--nope'/],
  [[...listen, ...flags, "extra"], /Unexpected argument 'extra'/],
  [["--config", "/nonexistent"], /Cannot read \/nonexistent: ENOENT/],
] as const) {
  test(`parseOptions() refuses ${argv.join(" ")}`, () => {
    assert.throws(() => parseOptions(argv), { name: "OptionsError", message });
  });
}

test("flags win over the configuration file", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "heddle-options-"));
  try {
    const file = path.join(folder, "config.yaml");
    writeFileSync(
      file,
      "listen: ['127.0.0.1:1', '[::1]:2']\ndata-dir: a\ntls-cert: c\ntls-key: k\n",
    );
    const options = parseOptions(["--config", file, "--data-dir", "b"]);
    assert.deepEqual(options, {
      listen: ["127.0.0.1:1", "[::1]:2"],
      dataDir: "b",
      tlsCert: "c",
      tlsKey: "k",
      clientCa: undefined,
      tokenFile: undefined,
      logLevel: "info",
    });
    writeFileSync(file, "lisen: x\n");
    assert.throws(() => parseOptions(["--config", file]), /unknown lisen, want listen, data-dir/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const [text, target] of [
  ["127.0.0.1:6443", { host: "127.0.0.1", port: 6443 }],
  ["[::1]:0", { host: "::1", port: 0 }],
  ["192.0.2.1:1@/run/netns/a", { host: "192.0.2.1", port: 1, netns: "/run/netns/a" }],
  ["fd:3", { fd: 3 }],
] as const) {
  test(`parseListen(${text})`, () => assert.deepEqual(parseListen(text), target));
}

for (const text of ["", "6443", "127.0.0.1", "::1:6443", "127.0.0.1:65536", "fd:x", "a:1@"]) {
  test(`parseListen() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseListen(text), { name: "OptionsError", message: /^Cannot listen on / });
  });
}

test("--help teaches, and wrong usage is exit 2 with one line", async () => {
  const run = (...args: readonly string[]): Promise<readonly [unknown, string, string]> =>
    new Promise((resolve) => {
      execFile(process.execPath, [main, ...args], (error, stdout, stderr) =>
        resolve([error === null ? 0 : error.code, stdout, stderr]),
      );
    });
  const [helped, usage] = await run("--help");
  assert.equal(helped, 0);
  assert.match(usage, /--listen WHERE[\s\S]*kubectl --server/);
  const [code, , stderr] = await run("--listen", "x");
  assert.equal(code, 2);
  assert.equal(stderr, "heddle-apiserver: Cannot start: no --data-dir, see --help\n");
});
