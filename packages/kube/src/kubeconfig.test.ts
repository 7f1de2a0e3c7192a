import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { readKubeconfig } from "./kubeconfig.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heddle-kubeconfig-"));
const file = path.join(folder, "config");
after(() => rmSync(folder, { recursive: true }));

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly more?: object;
}

/** The text of a file with one context, cluster and user. */
function config({ cluster = { server: "https://api:6443" }, user = {}, more = {} }: Parts): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
    ...more,
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

test("readKubeconfig() takes data before files, and files relative to its own", async () => {
  writeFileSync(path.join(folder, "ca.crt"), "the CA");
  writeFileSync(path.join(folder, "token"), "of a file\n");
  const cluster = {
    server: "https://api:6443/prefix",
    "certificate-authority": "ca.crt",
    "tls-server-name": "kubernetes",
  };
  const user = {
    "client-certificate-data": base64("cert"),
    "client-certificate": "no-such-file",
    "client-key-data": base64("key"),
    tokenFile: "token",
  };
  writeFileSync(file, config({ cluster, user }));
  assert.deepEqual(await readKubeconfig(file), {
    server: new URL("https://api:6443/prefix"),
    ca: "the CA",
    cert: "cert",
    key: "key",
    token: "of a file",
    serverName: "kubernetes",
  });
});

test("readKubeconfig() does without a user", async () => {
  const contexts = [{ name: "x", context: { cluster: "c" } }];
  writeFileSync(file, config({ more: { contexts } }));
  assert.deepEqual(await readKubeconfig(file), { server: new URL("https://api:6443") });
});

const refusals: readonly (readonly [why: string, text: string])[] = [
  ["it is not a mapping", "[]"],
  ["it is not a mapping", ""],
  ["no current-context", "{}"],
  ['no "y" in contexts', config({ more: { "current-context": "y" } })],
  ["context x names no cluster", config({ more: { contexts: [{ name: "x", context: {} }] } })],
  ['no "c" in clusters', config({ more: { clusters: [{ name: "c" }] } })],
  ['no "u" in users', config({ more: { users: "u" } })],
  ["cluster c has no server", config({ cluster: { server: "" } })],
  [
    'server "localhost:8080" of c, want an https or http URL',
    config({ cluster: { server: "localhost:8080" } }),
  ],
  ['server "api" of c, want an https or http URL', config({ cluster: { server: "api" } })],
  [
    "user u has exec, want a client certificate or a token",
    config({ user: { exec: { command: "aws" } } }),
  ],
  [
    "user u has a client certificate or a key, want both",
    config({ user: { "client-key-data": base64("key") } }),
  ],
  [
    `ENOENT: no such file or directory, open '${folder}/absent'`,
    config({ user: { tokenFile: "absent" } }),
  ],
];

test("readKubeconfig() says what is wrong with the file", async () => {
  for (const [why, text] of refusals) {
    writeFileSync(file, text);
    await assert.rejects(readKubeconfig(file), {
      name: "KubeconfigError",
      message: `Cannot use kubeconfig ${file}: ${why}`,
    });
  }
  const absent = path.join(folder, "absent");
  await assert.rejects(readKubeconfig(absent), {
    message: `Cannot use kubeconfig ${absent}: ENOENT: no such file or directory, open '${absent}'`,
  });
  writeFileSync(file, "a: [");
  await assert.rejects(readKubeconfig(file), { name: "KubeconfigError" });
});
